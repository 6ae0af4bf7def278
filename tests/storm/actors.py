"""Who takes part in a storm, and what each may do next: shop, buyers, their banks, the provider, finance."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests
import stripe
from django.test import Client
from django.utils import timezone
from urllib3.exceptions import HTTPError

from operations.errors import DomainError
from operations.selectors import open_approval
from operations.services import grant_approval
from payments.models import Attempt, Dispute, PaymentOrder, Refund
from payments.services import tidy_up
from payouts.models import Batch
from payouts.services import propose_batch, release_due
from sandbox.control import ControlRefused, SandboxControl
from sandbox.storefront.buyer import Buyer, PageUnreadable
from tests.payments.dispute_steps import TEXTS
from tests.world import CHECKER, MAKER, Shop, World

SELLERS = ("ann", "bob")
CARDS = (
    *("4242424242424242", "4000000000000077", "4000000000000077", "4000002500003155"),
    *("4000000000000002", "4000000000009235", "4000000000007726", "4000000000005126"),
)
#: What an answer may be. Everything else is a fault of ours.
ANSWERS = frozenset({200, 201, 202, 400, 402, 404, 409, 422, 429, 502, 503})


@dataclass(kw_only=True)
class Storm:
    """The payments that everybody meddles with at once, and what went wrong that should not."""

    world: World
    seed: int
    names: list[str] = field(default_factory=list)
    pages: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


class Actor:
    """One thread's hands. What it does next is chance; its seed says which."""

    def __init__(self, storm: Storm, number: int) -> None:
        self.chance = random.Random(f"{storm.seed}-{number}")
        self.storm = storm
        at = storm.world.shop
        client = Client(raise_request_exception=False)
        self.shop = Shop(slug=at.slug, api_key=at.api_key, client=client)
        self.provider = SandboxControl(storm.world.provider.base_url)
        self.buyer = Buyer(complete_challenge=self.chance.random() < 0.8)

    def act(self) -> None:
        """Do something to one of the payments."""
        name = self.chance.choice(self.storm.names)
        [(did, _)] = self.chance.choices(DEEDS, weights=[weight for _, weight in DEEDS])
        try:
            did(self, name)
        except (ControlRefused, DomainError, PageUnreadable, HTTPError, requests.RequestException, IndexError):
            # Not possible now, as things stand: a page that is closed, a dispute that is decided, nothing to pay out.
            return

    def _post(self, path: str, body: Any, *, key: str | None = None) -> Any:
        answer = self.shop.post(path, body, key=key)
        if answer.status_code not in ANSWERS:
            self.storm.wrong.append(f"POST {path} {body}: {answer.status_code} {answer.content[:300]!r}")
        return answer

    def _key(self, name: str, what: str) -> str:
        """Return one of few keys: often it is another's, with another body."""
        return f"{what}-{name}-{self.chance.randrange(3)}"

    def _amount(self, most: int) -> str:
        cents = self.chance.randint(1, most)
        return f"{cents // 100}.{cents % 100:02d}"

    def order(self, name: str) -> None:
        """The shop creates the payment, everybody under the same key."""
        number = int(name.rpartition("-")[2])
        baskets = dict.fromkeys(SELLERS[: 1 + number % 2], "60.00")
        orders = [
            {"payment_order_id": f"{name}.{seller}", "seller_account": seller, "amount": amount, "currency": "EUR"}
            for seller, amount in baskets.items()
        ]
        body = {
            "checkout_id": name,
            "buyer_info": {"buyer_id": "bea"},
            "payment_orders": orders,
            "capture_method": "manual" if number % 3 == 0 else "automatic",
        }
        self._seen(name, self._post("/v1/payments", body, key=f"order-{name}"))

    def _seen(self, name: str, answer: Any) -> None:
        if answer.status_code in (200, 201) and (page := (answer.json().get("payment_page") or {}).get("url")):
            self.storm.pages[name] = page

    def pay(self, name: str) -> None:
        """A buyer pays the page that was shown last, or one before it."""
        if page := self.storm.pages.get(name):
            self.buyer.pay(url=page, card=self.chance.choice(CARDS))

    def capture(self, name: str) -> None:
        """The shop takes a part of what is reserved, or all of it."""
        body: dict[str, Any] = {"final_capture": self.chance.random() < 0.4}
        if self.chance.random() < 0.6:
            part = {"payment_order_id": f"{name}.ann", "amount": self._amount(4_000), "currency": "EUR"}
            body["payment_orders"] = [part]
        self._post(f"/v1/payments/{name}/capture", body, key=self._key(name, "capture"))

    def cancel(self, name: str) -> None:
        """The shop calls it off."""
        self._post(f"/v1/payments/{name}/cancel", {}, key=self._key(name, "cancel"))

    def replace(self, name: str) -> None:
        """The cart changes while the page is open."""
        order = f"{name}.ann.{self.chance.randrange(3)}"
        new = {"payment_order_id": order, "seller_account": "ann", "amount": self._amount(9_000), "currency": "EUR"}
        key = self._key(name, "replace")
        self._seen(name, self._post(f"/v1/payments/{name}/replace", {"payment_orders": [new]}, key=key))

    def refund(self, name: str) -> None:
        """The shop gives back a part of an order."""
        order = self.chance.choice([f"{name}.{seller}" for seller in SELLERS])
        body = {"payment_order_id": order, "amount": self._amount(3_500), "currency": "EUR"}
        self._post("/v1/refunds", body, key=self._key(name, "refund"))

    def refund_checkout(self, name: str) -> None:
        """The shop gives back a part of the cart, or what is left of it."""
        body = {"reason": "late"} | (
            {"amount": self._amount(6_000), "currency": "EUR"} if self.chance.random() < 0.7 else {}
        )
        self._post(f"/v1/checkouts/{name}/refunds", body, key=self._key(name, "refunds"))

    def deliver(self, name: str) -> None:
        """The shop says that the goods have come; where nothing is held back, what was held for that is released."""
        order = self.chance.choice(list(PaymentOrder.objects.filter(payment_order_id__startswith=name)))
        moment = timezone.now()
        body = {"payment_order_id": order.payment_order_id, "delivered_at": moment.isoformat()}
        self._post("/v1/deliveries", body)
        release_due(limit=100, actor="system:storm", now=timezone.now())

    def pay_out(self, name: str) -> None:
        """Finance proposes a batch, and agrees to those that wait."""
        propose_batch(currency="EUR", reason="end of day", actor=MAKER, now=timezone.now())

    def agree(self, name: str) -> None:
        """Somebody else in finance agrees to a batch."""
        batch = self.chance.choice(list(Batch.objects.filter(state="proposed")))
        approval = open_approval(kind="payouts.batch", subject=f"batch:{batch.pk}")
        if approval is not None:
            grant_approval(approval_id=approval.pk, checker=CHECKER, now=timezone.now())

    def dispute(self, name: str) -> None:
        """A buyer's bank takes a charge back, or a part of it, or only asks."""
        charge = self._charge(name)
        amount = None if self.chance.random() < 0.7 else self.chance.randint(1, 3_000)
        self.provider.open_dispute(charge, amount=amount, inquiry=self.chance.random() < 0.2)

    def decide(self, name: str) -> None:
        """The bank decides, comes back, or lets some of it go."""
        dispute = self.chance.choice(list(Dispute.objects.all())).psp_ref
        turn = self.chance.randrange(5)
        if turn < 3:
            self.provider.decide_dispute(dispute, won=turn == 0)
        elif turn == 3:
            self.provider.reopen_dispute(dispute)
        else:
            self.provider.recover_dispute(dispute)

    def hand_in(self, name: str) -> None:
        """The shop hands in evidence."""
        dispute = self.chance.choice(list(Dispute.objects.all()))
        body = {"evidence": TEXTS, "final": self.chance.random() < 0.5}
        self._post(f"/v1/disputes/{dispute.pk}/evidence", body, key=self._key(name, "evidence"))

    def refund_there(self, name: str) -> None:
        """Somebody refunds in the provider's dashboard."""
        requests.post(
            f"{self.provider.base_url}/v1/refunds",
            data={"charge": self._charge(name), "amount": self.chance.randint(1, 2_000)},
            headers={"Authorization": "Bearer sk_test_sandbox", "Stripe-Version": stripe.api_version},
            timeout=10,
        )

    def end_refund(self, name: str) -> None:
        """A refund arrives, or fails, late or not."""
        refund = self.chance.choice(list(Refund.objects.exclude(psp_ref=None)))
        self.provider.end_refund(str(refund.psp_ref), failed=self.chance.random() < 0.5)

    def review(self, name: str) -> None:
        """The provider decides a review."""
        reviews = [each["id"] for each in self.provider.ledger()["reviews"] if each["open"]]
        self.provider.decide_review(self.chance.choice(reviews), approve=self.chance.random() < 0.6)

    def tidy(self, name: str) -> None:
        """The janitor comes by."""
        tidy_up(now=timezone.now())

    def look(self, name: str) -> None:
        """The shop asks how everything stands."""
        for path in ("/v1/payments", f"/v1/checkouts/{name}", "/v1/refunds", "/v1/disputes", "/v1/sellers/ann/balance"):
            answer = self.shop.get(path)
            if answer.status_code not in ANSWERS:
                self.storm.wrong.append(f"GET {path}: {answer.status_code} {answer.content[:300]!r}")

    def _charge(self, name: str) -> str:
        paid = Attempt.objects.filter(checkout__checkout_id=name).exclude(charge_ref=None)
        return str(self.chance.choice(list(paid)).charge_ref)


DEEDS: list[tuple[Callable[[Actor, str], None], int]] = [
    (Actor.order, 14),
    (Actor.pay, 18),
    (Actor.capture, 8),
    (Actor.cancel, 3),
    (Actor.replace, 4),
    (Actor.refund, 9),
    (Actor.refund_checkout, 5),
    (Actor.deliver, 8),
    (Actor.pay_out, 3),
    (Actor.agree, 3),
    (Actor.dispute, 3),
    (Actor.decide, 4),
    (Actor.hand_in, 3),
    (Actor.refund_there, 1),
    (Actor.end_refund, 3),
    (Actor.review, 3),
    (Actor.tidy, 1),
    (Actor.look, 4),
]
