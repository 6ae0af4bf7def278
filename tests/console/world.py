"""A small marketplace with something on every page of the console, made through the services' own verbs.

Only what the provider would have told us is written directly, in the order in which the states allow it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from ledger import recipes
from ledger.models import ManualJournal
from ledger.money import Money, basis_points
from ledger.services import TypedLine, Upload, draft_journal, post, submit_journal, verify_books
from operations.edges import money_tx
from operations.lifecycle import move
from operations.models import ApiKey, Job
from operations.services import ask_person, issue_api_key, register_storefront, release_switch
from payments.gateway import DisputeFacts, DisputeStatus
from payments.models import (
    Attempt,
    Checkout,
    DeliveryTry,
    Dispute,
    EventDelivery,
    EventListing,
    PaymentOrder,
    ProviderCall,
    Refund,
    Seller,
    StorefrontEvent,
    Surplus,
    WebhookEndpoint,
    WebhookEvent,
)
from payments.services.disputes import record_facts
from payouts.models import Batch
from payouts.services import propose_batch, release_due, report_delivery
from reconciliation.models import Statement
from reconciliation.services import import_statement, match_statement

PSP = "stripe"
CSV_HEAD = "balance_transaction_id,created,available_on,currency,gross,fee,net,reporting_category,source_id,description"


@dataclass
class World:
    """What tests look at. Everything happens at `now`, or a stated time before it."""

    now: datetime = field(default_factory=timezone.now)
    storefront: str = "demo"
    sellers: dict[str, Seller] = field(default_factory=dict)
    #: What the storefront puts before its own ids.
    prefix: str = ""

    def open(self, name: str = "Demo market") -> "World":
        """Register the storefront, its key and the switches."""
        register_storefront(
            slug=self.storefront, name=name, return_origins=["http://127.0.0.1"], actor="system:test", now=self.now
        )
        if not ApiKey.objects.filter(storefront=self.storefront).exists():
            issue_api_key(slug=self.storefront, label="test", actor="system:test", now=self.now)
        for switch in ("checkout", "payouts", "refunds"):
            release_switch(name=switch, reason="first set up", actor="system:test", now=self.now)
        return self

    def seller(self, name: str, *, payouts_enabled: bool = True) -> Seller:
        """Return a seller by name, with an account at the provider."""
        if name not in self.sellers:
            number = Seller.objects.count() + 1
            self.sellers[name] = Seller.objects.create(
                storefront_id=self.storefront,
                seller_id=f"seller-{number}",
                name=name,
                country="BR",
                commission_bps=1000,
                psp_account=f"acct_{number:016}"[:21],
                payouts_enabled=payouts_enabled,
                created_at=self.now - timedelta(days=90),
            )
        return self.sellers[name]

    def checkout(
        self, *parts: tuple[str, Money], at: datetime | None = None, buyer: str = "", registered: bool = True
    ) -> Checkout:
        """Store a purchase that the provider knows, unless it is not registered, and nobody has paid yet."""
        at = at or self.now
        number = Checkout.objects.count() + 1
        total = sum((amount for _, amount in parts[1:]), start=parts[0][1])
        checkout = Checkout.objects.create(
            storefront_id=self.storefront,
            checkout_id=f"{self.prefix}cart-{number:05}",
            buyer_info={"email": buyer or "buyer@example.org"},
            currency=total.currency,
            total_minor=total.minor,
            expires_at=at + timedelta(hours=23),
            created_at=at,
        )
        for place, (seller, amount) in enumerate(parts, start=1):
            PaymentOrder.objects.create(
                checkout=checkout,
                storefront_id=self.storefront,
                payment_order_id=f"{self.prefix}order-{number:05}-{place}",
                seller=self.seller(seller),
                amount_minor=amount.minor,
                commission_minor=basis_points(amount, 1000).minor,
                currency=amount.currency,
                state_since=at,
            )
        attempt = Attempt.objects.create(
            checkout=checkout,
            number=1,
            amount_minor=checkout.total_minor,
            currency=checkout.currency,
            psp=PSP,
            psp_key=f"{checkout.pk}:1",
            params={},
            created_at=at,
            state_since=at,
            sent_at=at,
            sends=1,
        )
        if not registered:
            return checkout
        with money_tx("test.register"):
            move(attempt, "register", actor="system:test", now=at, psp_ref=f"cs_test_{number:08}")
            for order in checkout.orders.all():
                move(order, "start", actor="system:test", now=at)
        return checkout

    def sale(self, *parts: tuple[str, Money], at: datetime | None = None, fee_minor: int = 0) -> Checkout:
        """Sell something: a checkout, paid and booked."""
        at = at or self.now
        checkout = self.checkout(*parts, at=at)
        attempt = checkout.attempts.get()
        number = checkout.checkout_id.rpartition("-")[2]
        charge, subject = f"ch_test_{number}", f"checkout:{checkout.pk}"
        orders = list(checkout.orders.select_related("seller").order_by("pk"))
        sales = [
            recipes.Sale(order=order.pk, seller=order.seller_id, gross=order.amount, commission=order.commission)
            for order in orders
        ]
        with money_tx("test.capture"):
            post(
                recipes.payment_captured(psp=PSP, charge=charge, sales=sales, subject=subject),
                actor="psp:stripe",
                now=at,
            )
            if fee_minor:
                fee = recipes.provider_fee_charged(
                    psp=PSP,
                    balance_transaction=f"txn_{number}",
                    source=charge,
                    fee=Money(fee_minor, checkout.currency),
                    subject=subject,
                )
                post(fee, actor="psp:stripe", now=at)
            move(attempt, "succeed", actor="psp:stripe", now=at, charge_ref=charge, payment_ref=f"pi_test_{number}")
            for order in orders:
                booked: dict[str, Any] = {
                    "ledger_updated": True,
                    "wallet_updated": True,
                    "paid_at": at,
                    "paid_by": attempt,
                }
                booked |= {"captured_minor": order.amount_minor, "captured_commission_minor": order.commission_minor}
                move(order, "succeed", actor="psp:stripe", now=at, **booked)
            Checkout.objects.filter(pk=checkout.pk).update(is_payment_done=True)
        self._heard(checkout, attempt, at)
        return checkout

    def told(self, event: StorefrontEvent, *, at: datetime) -> EventDelivery:
        """Tell the shop at its endpoint, which takes it at the first try."""
        endpoint, _ = WebhookEndpoint.objects.get_or_create(
            storefront_id=self.storefront, defaults={"url": "https://shop.example/hooks", "created_at": at}
        )
        delivery = EventDelivery.objects.create(event=event, endpoint=endpoint, tries_left=25, created_at=at)
        DeliveryTry.objects.create(delivery=delivery, at=at, status=200, milliseconds=84, answer="thanks")
        with money_tx("test.told"):
            move(delivery, "deliver", actor="system:events", now=at, delivered_at=at)
        return delivery

    def _heard(self, checkout: Checkout, attempt: Attempt, at: datetime) -> None:
        """Keep what was told of a sale: by the provider to us, and by us to the shop."""
        number = checkout.checkout_id.rpartition("-")[2]
        event = StorefrontEvent.objects.create(
            storefront_id=self.storefront,
            type="payment.succeeded",
            payload={"type": "payment.succeeded", "data": {"checkout_id": checkout.checkout_id}},
            created_at=at,
        )
        EventListing.objects.create(
            psp="stripe",
            since=self.now - timedelta(days=2),
            until=self.now,
            listed=412,
            missing=1,
            actor="system:schedule",
            ran_at=self.now,
        )
        self.told(event, at=at)
        WebhookEvent.objects.create(
            psp=PSP,
            event_id=f"evt_test_{number}",
            type="checkout.session.completed",
            object_id=attempt.psp_ref or "",
            payload=json.dumps({"id": f"evt_test_{number}"}),
            state="handled",
            received_at=at,
            handled_at=at,
        )

    def release(self, *checkouts: Checkout) -> None:
        """Report sales as delivered long enough ago, and release their money."""
        Checkout.objects.filter(pk__in=[one.pk for one in checkouts]).update(created_at=self.now - timedelta(days=30))
        for order in PaymentOrder.objects.filter(checkout__in=checkouts):
            report_delivery(
                storefront=self.storefront,
                payment_order_id=order.payment_order_id,
                delivered_at=self.now - timedelta(days=30),
                actor="system:test",
                now=self.now,
            )
        release_due(limit=1000, actor="system:test", now=self.now)

    def batch(self, *, currency: str = "BRL", maker: str = "user:oscar") -> Batch:
        """Propose a batch of all that is available."""
        return propose_batch(currency=currency, reason="weekly run", actor=maker, now=self.now)

    def refund(self, checkout: Checkout, *, actor: str = "user:oscar") -> Refund:
        """Note a refund of a checkout's first order that has not been sent."""
        order = checkout.orders.order_by("pk")[0]
        PaymentOrder.objects.filter(pk=order.pk).update(refunded_minor=order.amount_minor)
        refund = Refund(
            order=order,
            amount_minor=order.amount_minor,
            currency=order.currency,
            reason="the buyer changed their mind",
            params={},
            requested_by=actor,
            created_at=self.now,
            state_since=self.now,
        )
        refund.psp_key = f"refund:{refund.pk}"
        refund.save()
        return refund

    def call(self, checkout: Checkout) -> ProviderCall:
        """Note a call to the provider about a checkout, whose answer is hostile."""
        return ProviderCall.objects.create(
            id=f"cal_{checkout.pk}",
            psp="stripe",
            op="checkout.register",
            about=f"attempt:{checkout.attempts.get().pk}",
            key=checkout.attempts.get().psp_key,
            sent_at=self.now,
            took_ms=1_234,
            outcome="succeeded",
            requests=1,
            http_status=200,
            request_id="req_1",
            object_id="cs_1",
            body='{"id": "cs_1", "name": "<script>alert(1)</script>"}',
        )

    def inquiry(self, checkout: Checkout) -> Dispute:
        """Hear of a bank's inquiry about a checkout that was paid: no money moves."""
        charge = str(checkout.attempts.get().charge_ref)
        facts = DisputeFacts(
            psp_ref=charge.replace("ch_", "du_"),
            charge_ref=charge,
            status=DisputeStatus.WARNING_NEEDS_RESPONSE,
            amount=checkout.total,
            reason="product_not_received",
            created_at=self.now,
            due_by=self.now + timedelta(days=9),
        )
        with money_tx("test.inquiry"):
            return record_facts(facts, psp="stripe", now=self.now)

    def journal(self, *, amount: str = "12.50", maker: str = "user:oscar", submit: bool = True) -> ManualJournal:
        """Write a journal with a file, of bank charges, and submit it."""
        journal = draft_journal(
            lines=[
                TypedLine(account="rounding", debit=amount, credit="", currency="BRL", item="page 4"),
                TypedLine(account="bank:main", debit="", credit=amount, currency="BRL"),
            ],
            description="bank charges of March, statement page 4",
            attachments=[Upload(name="statement.pdf", content=b"%PDF-1.7 page 4")],
            actor=maker,
            now=self.now,
        )
        return submit_journal(journal_id=journal.pk, actor=maker, now=self.now) if submit else journal

    def paid_twice(self, checkout: Checkout) -> Surplus:
        """Have a sale paid once more, and the money refused on its way back: a question for a person."""
        attempt = Attempt.objects.create(
            checkout=checkout,
            number=2,
            amount_minor=checkout.total_minor,
            currency=checkout.currency,
            psp=PSP,
            psp_key=f"{checkout.pk}:2",
            params={},
            created_at=self.now,
            state_since=self.now,
        )
        charge, subject = f"ch_twice_{checkout.checkout_id}", f"checkout:{checkout.pk}"
        with money_tx("test.paid_twice"):
            move(attempt, "register", actor="system:test", now=self.now, psp_ref=f"cs_{charge}")
            move(attempt, "succeed", actor="psp:stripe", now=self.now, charge_ref=charge)
            surplus = Surplus.objects.create(
                attempt=attempt,
                charge_ref=charge,
                amount_minor=checkout.total_minor,
                currency=checkout.currency,
                psp_key=f"surplus:{charge}",
                params={},
                created_at=self.now,
                state_since=self.now,
            )
            received = recipes.unidentified_received(
                reference=charge, amount=surplus.amount, psp=PSP, subject=subject, value_date=self.now.date()
            )
            post(received, actor="psp:stripe", now=self.now)
            move(surplus, "send", actor="system:jobs", now=self.now, sent_at=self.now)
            move(surplus, "fail", actor="psp:stripe", now=self.now, last_error="charge_disputed")
            ask_person(
                kind="payments.surplus_stuck",
                subject=subject,
                item=surplus.pk,
                reason="what was paid twice could not be sent back",
                waits_for="finance",
                now=self.now,
            )
        return surplus

    def dead_job(self) -> Job:
        """Park a dead letter."""
        job = Job.objects.create(
            kind="payments.sync_attempt",
            key=f"att_{Job.objects.count()}",
            args={"attempt": "att_unknown"},
            next_at=self.now,
        )
        Job.objects.filter(pk=job.pk).update(state="doing", attempts=10)
        error = "AmountMismatch: the provider took another amount"
        Job.objects.filter(pk=job.pk).update(state="dead", last_error=error)
        return job

    def statement(self, lines: Sequence[str], *, start: datetime, end: datetime) -> Statement:
        """Import a provider's report with the given lines and match it."""
        content = "\n".join([CSV_HEAD, *lines, ""]).encode()
        statement = import_statement(
            content=content,
            format="stripe_activity_csv",
            interval_start=start,
            interval_end=end,
            actor="user:oscar",
            now=self.now,
        )
        assert statement is not None
        match_statement(statement=statement.pk, now=self.now)
        return statement

    def line(self, checkout: Checkout, *, gross: Money, fee: Money, at: datetime, charge: str = "") -> str:
        """Return a report's line for a sale, as the provider would write it."""
        number = checkout.checkout_id.rpartition("-")[2]
        when = f"{at:%Y-%m-%d %H:%M:%S}"
        return ",".join(
            [
                f"txn_{number}{charge}",
                when,
                when,
                gross.currency.lower(),
                gross.text,
                fee.text,
                (gross - fee).text,
                "charge",
                charge or f"ch_test_{number}",
                "",
            ]
        )

    def prove(self) -> None:
        """Prove the books."""
        verify_books(actor="system:test", now=self.now)


def brl(minor: int) -> Money:
    """Return an amount in Brazilian reais."""
    return Money(minor, "BRL")


def eur(minor: int) -> Money:
    """Return an amount in euros."""
    return Money(minor, "EUR")
