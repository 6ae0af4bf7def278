"""One sale over several sellers, played through the services against a provider on paper."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.utils import timezone

from ledger import chart, recipes
from ledger.money import Money
from ledger.selectors import entries_about, wallet
from ledger.services import post
from operations.edges import money_tx
from payments.gateway import DisputeStatus, RefundStatus
from payments.models import Attempt, CommissionMinimum, PaymentOrder, Refund, Seller
from payments.services import (
    NewCheckout,
    NewOrder,
    capture_payment,
    create_checkout,
    request_refund,
    send_refund,
    sync_attempt,
    sync_dispute,
    sync_refund,
)
from payments.services.instructions import Part
from payments.services.refunds import NotRefundable, PaymentDisputed, RefundExceedsPaid
from payouts.services import release_again, release_due, report_delivery
from tests.properties.paper import Claim, Paper, Sheet, over

WHO = "system:test"


@dataclass(frozen=True)
class Agreed:
    """What one seller agreed to."""

    bps: int
    tax_bps: int
    minimum: int
    bears: str


@dataclass
class Sale:
    """A sale and what happened to it. Shares are in percent of what there is."""

    shop: str
    currency: str
    sellers: list[Seller]
    orders: list[str] = field(default_factory=list)
    number: int = 0
    # How often something was undone, for each may leave a unit that the next refund puts right.
    undone: int = 0
    paid: dict[str, int] = field(default_factory=dict)

    @property
    def paper(self) -> Paper:
        """Return the provider."""
        return Sheet.now

    @property
    def now(self) -> datetime:
        """Return a moment."""
        return timezone.now()

    def money(self, minor: int) -> Money:
        """Return an amount in the sale's currency."""
        return Money(minor, self.currency)

    def key(self) -> str:
        """Return a new idempotency key."""
        self.number += 1
        return f"key-{self.number}"

    def order(self, place: int) -> PaymentOrder:
        """Return an order's row."""
        return PaymentOrder.objects.select_related("seller").get(payment_order_id=f"o{place}")

    def common(self) -> dict[str, Any]:
        """Return what every verb of the shop takes."""
        return {"storefront": self.shop, "key": self.key(), "fingerprint": "f", "actor": WHO, "now": self.now}

    def sell(self, baskets: Sequence[tuple[int, int]], *, captures: Sequence[Sequence[int]]) -> None:
        """Sell to the buyer, who pays; captured at once, or in rounds, each a percentage of each order."""
        method = "manual" if captures else "automatic"
        wanted = [
            NewOrder(
                payment_order_id=f"o{place}", seller_account=self.sellers[who].seller_id, amount=self.money(amount)
            )
            for place, (who, amount) in enumerate(baskets)
        ]
        new = NewCheckout(checkout_id="c", buyer_info={}, orders=wanted, capture_method=method)
        create_checkout(new=new, show=lambda made: (201, {}), **self.common())
        self.orders = list(PaymentOrder.objects.order_by("pk").values_list("pk", flat=True))
        self.hear()
        for number, shares in enumerate(captures, start=1):
            self.capture(shares, final=number == len(captures))

    def hear(self) -> None:
        """Take over where the payment stands."""
        sync_attempt(attempt=Attempt.objects.get().pk, now=self.now, poll=False)

    def capture(self, shares: Sequence[int], *, final: bool) -> None:
        """Capture parts of what is left of the orders."""
        step, parts = self.paper.step_of(self.currency), []
        for place, share in zip(range(len(self.orders)), shares, strict=False):
            order = self.order(place)
            minor = (order.amount_minor - order.captured_minor) * share // 100 // step * step
            if minor:
                parts.append(Part(payment_order_id=order.payment_order_id, amount=self.money(minor)))
        if parts and Attempt.objects.get().state == "authorized":
            capture_payment(checkout_id="c", parts=parts, final=final, **self.common())

    def play(self, event: tuple[int, int, int]) -> None:
        """Let something happen of what can happen now: what, to which of them, and how much of it."""
        kind, which, share = event
        possible = self.possible()
        getattr(self, possible[kind % len(possible)])(which, share)

    def possible(self) -> list[str]:
        """Return what can happen now, what is told of most often first."""
        held = [claim for claim in self.paper.claims if not over(claim) or claim.status is DisputeStatus.LOST]
        lost = [claim for claim in self.paper.claims if over(claim) and claim.withdrawn > 0]
        unended = any(status is not RefundStatus.FAILED for _, _, status in self.paper.refunds.values())
        left = any(order.captured_minor > order.refunded_minor for order in PaymentOrder.objects.all())
        return [
            *["refund"] * (2 if left and not held else 0),
            *["end_refund"] * (2 if unended else 0),
            *["dispute"] * (1 if len(self.paper.claims) < 3 else 0),
            *["decide"] * (2 if any(not over(claim) for claim in self.paper.claims) else 0),
            *["recover"] * (1 if lost else 0),
            *["withdraw_again"] * (1 if any(over(claim) and not claim.withdrawn for claim in self.paper.claims) else 0),
            "deliver",
            "pay_out",
        ]

    def refund(self, which: int, share: int) -> None:
        """Ask for a refund, which is under way then; what is disputed or has nothing left is refused."""
        order, step = self.order(which % len(self.orders)), self.paper.step_of(self.currency)
        minor = max(step, (order.captured_minor - order.refunded_minor) * min(share, 100) // 100 // step * step)
        amount = self.money(minor)
        ask = partial(request_refund, payment_order_id=order.payment_order_id, amount=amount, reason="")
        try:
            made, _ = ask(**self.common())
        except (RefundExceedsPaid, PaymentDisputed, NotRefundable):
            return
        send_refund(refund=made.pk, now=self.now)

    def end_refund(self, which: int, share: int) -> None:
        """Let a refund end: now and then it fails, also after it had succeeded."""
        alive = [ref for ref, (_, _, status) in self.paper.refunds.items() if status is not RefundStatus.FAILED]
        if not alive:
            return
        ref = alive[which % len(alive)]
        reference, minor, status = self.paper.refunds[ref]
        failed = status is RefundStatus.SUCCEEDED or share > 80
        self.undone += status is RefundStatus.SUCCEEDED
        self.paper.refunds[ref] = (reference, minor, RefundStatus.FAILED if failed else RefundStatus.SUCCEEDED)
        for _ in range(2):
            sync_refund(psp_ref=ref, reference=reference, now=self.now)

    def dispute(self, which: int, share: int) -> None:
        """Let the buyer's bank dispute the charge, or some of it, or somewhat more than it was."""
        amount = max(1, sum(self.paper.captures) * share // 100)
        self.paper.claims.append(Claim(amount=amount, movements=[-amount]))
        self.hear_of_dispute(len(self.paper.claims) - 1)

    def decide(self, which: int, share: int) -> None:
        """Let a dispute be decided; the bank keeps all, nothing, or a part of it."""
        undecided = [number for number, claim in enumerate(self.paper.claims) if not over(claim)]
        if not undecided:
            return
        number = undecided[which % len(undecided)]
        claim = self.paper.claims[number]
        back = claim.withdrawn if share > 100 else claim.withdrawn * share // 100 if share > 60 else 0
        claim.status = DisputeStatus.WON if back == claim.withdrawn else DisputeStatus.LOST
        claim.movements += [back] if back else []
        self.hear_of_dispute(number)

    def recover(self, which: int, share: int) -> None:
        """Let money of a lost dispute come back."""
        lost = [number for number, claim in enumerate(self.paper.claims) if over(claim) and claim.withdrawn > 0]
        if not lost:
            return
        number = lost[which % len(lost)]
        claim = self.paper.claims[number]
        claim.movements.append(max(1, claim.withdrawn * min(share, 100) // 100))
        self.undone += 1
        self.hear_of_dispute(number)

    def withdraw_again(self, which: int, share: int) -> None:
        """Let the bank come back after a dispute was decided."""
        decided = [number for number, claim in enumerate(self.paper.claims) if over(claim) and not claim.withdrawn]
        if not decided:
            return
        number = decided[which % len(decided)]
        claim = self.paper.claims[number]
        claim.movements.append(-claim.amount)
        if claim.status is DisputeStatus.WON:
            claim.status = DisputeStatus.APPEAL_NEEDS_RESPONSE
        self.hear_of_dispute(number)

    def hear_of_dispute(self, number: int) -> None:
        """Take over where a dispute stands, twice."""
        for _ in range(2):
            sync_dispute(psp_ref=f"du_{number}", psp="paper", now=self.now, poll=False)

    def deliver(self, which: int, share: int) -> None:
        """Report a delivery, and release it unless it is disputed."""
        order = self.order(which % len(self.orders))
        if order.state != "SUCCESS":
            return
        report = {"storefront": self.shop, "payment_order_id": order.payment_order_id, "actor": WHO}
        report_delivery(**report, delivered_at=order.checkout.created_at, now=self.now)
        release_again(order=order.pk, now=self.now)
        release_due(limit=10, actor=WHO, now=self.now + timedelta(days=60))

    def pay_out(self, which: int, share: int) -> None:
        """Pay a seller out, whole."""
        seller = self.sellers[which % len(self.sellers)]
        amount = wallet(seller=seller.pk, currency=self.currency).available
        if not amount.minor:
            return
        name = self.key()
        with money_tx("test"):
            post(recipes.payout_reserved(seller=seller.pk, payout=name, amount=amount), actor=WHO, now=self.now)
            paid = recipes.payout_paid(psp="paper", payout=name, transfer=f"tr_{name}", amount=amount)
            post(paid, actor=WHO, now=self.now)
        self.paper.paid_out += amount.minor
        self.paid[seller.pk] = self.paid.get(seller.pk, 0) + amount.minor

    def finish(self) -> None:
        """Let everything end."""
        for number, (ref, (reference, minor, status)) in enumerate(list(self.paper.refunds.items())):
            if status is RefundStatus.PENDING:
                ended = RefundStatus.SUCCEEDED if number % 2 else RefundStatus.FAILED
                self.paper.refunds[ref] = (reference, minor, ended)
                sync_refund(psp_ref=ref, reference=reference, now=self.now)
        while any(not over(claim) for claim in self.paper.claims):
            self.decide(0, random.Random(len(self.paper.claims)).choice([0, 80, 110]))

    def refunds_of(self, order: PaymentOrder) -> list[str]:
        """Return the provider's refunds of an order."""
        ours = {row.pk for row in Refund.objects.filter(order=order)}
        return [ref for ref, (reference, _, _) in self.paper.refunds.items() if reference in ours]

    def refunded(self, order: PaymentOrder) -> int:
        """Return what the buyer got back by refunds of an order."""
        refunds = [self.paper.refunds[ref] for ref in self.refunds_of(order)]
        return sum(minor for _, minor, status in refunds if status is RefundStatus.SUCCEEDED)

    def kept(self, order: PaymentOrder) -> dict[str, int]:
        """Return what is left of an order for its seller, our commission and the tax, as the books have it."""
        kept = {"seller": 0, "commission": 0, "tax": 0}
        for entry in entries_about(subjects=[f"checkout:{order.checkout_id}"]):
            for line in entry["lines"]:
                if line["item"] != order.pk or entry["recipe"] == "debt_netted":
                    continue
                head = line["account"].partition(":")[0]
                kept["commission" if line["account"] == chart.COMMISSION else head] -= line["amount"].minor
        return kept


def open_sellers(shop: str, currency: str, agreed: Sequence[Agreed], now: datetime) -> list[Seller]:
    """Store the sellers, as agreed."""
    sellers = [
        Seller.objects.create(
            storefront_id=shop,
            seller_id=f"s{number}",
            name=f"S{number}",
            country="PT",
            commission_bps=terms.bps,
            commission_tax_bps=terms.tax_bps,
            commission_tax="vat_pt" if terms.tax_bps else "",
            disputes_borne_by=terms.bears,
            created_at=now,
        )
        for number, terms in enumerate(agreed)
    ]
    for seller, terms in zip(sellers, agreed, strict=True):
        if terms.minimum:
            CommissionMinimum.objects.create(seller=seller, currency=currency, minimum_minor=terms.minimum)
    return sellers
