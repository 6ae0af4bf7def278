"""The cast and their world: a shop, its sellers and buyers, the provider over HTTP, and the people in finance."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from operations.models import Job
from operations.selectors import open_approval
from operations.services import grant_approval, issue_api_key, register_storefront, run_job
from payments.models import Checkout, PaymentOrder, Seller
from payouts.models import Batch
from payouts.services import propose_batch, release_due
from reconciliation.services import fetch_statement, match_statement
from sandbox.control import SandboxControl
from sandbox.storefront.buyer import Buyer, PaymentOutcome
from sandbox.storefront.trade import CARD

MAKER = "user:oscar"
CHECKER = "user:anna"


@dataclass(kw_only=True)
class Shop:
    """A storefront as an API client: each call is a real request through the whole stack."""

    slug: str
    api_key: str
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def post(self, path: str, body: Any, *, key: str | None = None, **headers: str) -> Any:
        """POST a body as JSON (text and bytes go as they are) and return the response."""
        data = body if isinstance(body, str | bytes) else json.dumps(body)
        if key is not None:
            headers["Idempotency-Key"] = key
        return self.client.post(
            path,
            data=data,
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.api_key}", **headers},
        )

    def get(self, path: str) -> Any:
        """GET a path and return the response."""
        return self.client.get(path, headers={"Authorization": f"Bearer {self.api_key}"})


@dataclass(kw_only=True)
class World:
    """Everything a story needs. Nothing happens by itself: the story delivers webhooks and lets workers work."""

    shop: Shop
    other_shop: Shop
    provider: SandboxControl
    webhook_secret: str
    buyer: Buyer = field(default_factory=Buyer)

    def open_seller(self, seller_id: str, *, name: str | None = None, shop: Shop | None = None) -> Seller:
        """Register a seller through the API and have the account at the provider opened."""
        at = shop or self.shop
        answer = at.post("/v1/sellers", {"seller_id": seller_id, "name": name or seller_id.title(), "country": "DE"})
        assert answer.status_code in (200, 201), answer.content
        self.work()
        return Seller.objects.get(storefront=at.slug, seller_id=seller_id)

    def order(
        self, checkout_id: str, baskets: dict[str, str], *, currency: str = "EUR", key: str | None = None, **more: Any
    ) -> Any:
        """Create a payment: seller id -> amount. Payment order ids are `<checkout>.<seller>`. Return the response."""
        body = {
            "checkout_id": checkout_id,
            "buyer_info": {"buyer_id": "bea"},
            "payment_orders": [
                {
                    "payment_order_id": f"{checkout_id}.{seller}",
                    "seller_account": seller,
                    "amount": amount,
                    "currency": currency,
                }
                for seller, amount in baskets.items()
            ],
            **more,
        }
        return self.shop.post("/v1/payments", body, key=key or f"key-{checkout_id}")

    def pay(self, created: Any, *, card: str = CARD) -> PaymentOutcome:
        """Let the buyer pay on the provider's page."""
        return self.buyer.pay(url=created.json()["payment_page"]["url"], card=card)

    def sell(self, checkout_id: str, baskets: dict[str, str], *, currency: str = "EUR") -> Checkout:
        """Order, pay, and book: the whole of a sale that goes well."""
        created = self.order(checkout_id, baskets, currency=currency)
        assert created.status_code == 201, created.content
        assert self.pay(created).status == "paid"
        self.settle()
        return Checkout.objects.get(checkout_id=checkout_id)

    def settle(self) -> None:
        """Deliver what the provider has to say and work until nothing is left to do."""
        while self.deliver_webhooks() + self.work():
            pass

    def deliver_webhooks(self) -> int:
        """Deliver every held webhook once, and return how many there were."""
        held = self.provider.take_webhooks()
        for message in held:
            assert self.deliver(message).status_code == 200
        return len(held)

    def deliver(self, message: dict[str, Any]) -> Any:
        """Deliver one webhook, as the provider signed it."""
        headers = {"Stripe-Signature": message["headers"]["Stripe-Signature"]}
        return self.shop.client.post(
            "/webhooks/stripe", data=message["body"], content_type="application/json", headers=headers
        )

    def work(self, *, later: timedelta = timedelta(0)) -> int:
        """Run every job that is due, or will be within `later`; return how many ran."""
        now = timezone.now() + later
        due = list(
            Job.objects.filter(state="todo", next_at__lte=now).order_by("next_at", "id").values_list("id", flat=True)
        )
        return sum(run_job(job_id=job, now=now) for job in due)

    def status(self, payment_order_id: str) -> str:
        """Return a payment order's status as the API tells it."""
        return str(self.shop.get(f"/v1/payments/{payment_order_id}").json()["status"])

    def payment_order(self, payment_order_id: str) -> PaymentOrder:
        """Return a payment order's row."""
        return PaymentOrder.objects.get(payment_order_id=payment_order_id)

    def deliver_goods(self, payment_order_id: str, *, at: datetime | None = None) -> Any:
        """Report a delivery through the API, by default so long ago that the hold is over: it was ordered by then."""
        moment = at or timezone.now() - timedelta(days=30)
        ordered = Checkout.objects.filter(orders__payment_order_id=payment_order_id, created_at__gt=moment)
        ordered.update(created_at=moment)
        body = {"payment_order_id": payment_order_id, "delivered_at": moment.isoformat()}
        return self.shop.post("/v1/deliveries", body)

    def release(self) -> int:
        """Release what was delivered and whose hold is over."""
        return release_due(limit=1000, actor="system:test", now=timezone.now())

    def reconciled(self) -> dict[str, int]:
        """Fetch the provider's statement of today, match it, and return how its lines ended."""
        self.provider.advance(1)
        statement = fetch_statement(actor="system:test", now=timezone.now() + timedelta(seconds=2))
        assert statement is not None
        return dict(match_statement(statement=statement.pk, now=timezone.now()).lines)

    def propose(self, *, currency: str = "EUR") -> Batch:
        """Propose a payout batch as the maker."""
        return propose_batch(currency=currency, reason="end of day", actor=MAKER, now=timezone.now())

    def approve(self, batch: Batch, *, by: str = CHECKER) -> None:
        """Approve a payout batch as the checker, or as somebody else."""
        approval = open_approval(kind="payouts.batch", subject=f"batch:{batch.pk}")
        assert approval is not None
        grant_approval(approval_id=approval.pk, checker=by, now=timezone.now())

    def pay_out(self, *, currency: str = "EUR") -> Batch:
        """Propose, approve, send and confirm a batch."""
        batch = self.propose(currency=currency)
        self.approve(batch)
        self.settle()
        return Batch.objects.get(pk=batch.pk)


def make_shop(slug: str) -> Shop:
    """Register a storefront with one API key."""
    now = timezone.now()
    register_storefront(
        slug=slug, name=slug.title(), return_origins=["https://shop.example"], actor="system:test", now=now
    )
    return Shop(slug=slug, api_key=issue_api_key(slug=slug, label="test", actor="system:test", now=now))
