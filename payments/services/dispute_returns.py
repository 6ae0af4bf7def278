"""Money of disputes that comes back when nobody waits for it any more: after a loss, and fees.

Each such movement of the provider is booked once, by its own id, as the mirror of what was booked before: whoever
bore the loss, as agreed when the dispute opened, has it again. What comes back in parts is divided by what each has
not got back yet.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger import chart, recipes
from ledger.money import Money
from ledger.selectors import entries_about
from ledger.services import post
from operations.errors import DomainError
from operations.services import enqueue
from payments.commissions import Commission
from payments.gateway import DisputeFacts, DisputeMovement
from payments.models import Dispute, PaymentOrder
from payments.services.books import Part, at_most, entries_of_loss, put_back, still_owed, taken_by
from payments.services.passed_on import pass_on


class DisputeOverReturned(DomainError):
    """The provider gave back {returned} of the dispute {dispute}, of which {left} was left: a person must look."""

    code = "dispute_over_returned"


@dataclass(frozen=True, kw_only=True)
class _Loss:
    """What one order still bears of a lost dispute: by where the seller had it, and our commission given back."""

    order: PaymentOrder
    parts: dict[Part, Money]
    ours: Commission

    @property
    def sellers(self) -> Money:
        """Return what the seller bears."""
        return sum(self.parts.values(), start=Money(0, self.order.currency))

    @property
    def weights(self) -> list[int]:
        """Return what seller, commission and tax bear, in minor units."""
        return [self.sellers.minor, self.ours.commission.minor, self.ours.tax.minor]


def book_recovered(
    dispute: Dispute,
    movement: DisputeMovement,
    *,
    orders: Sequence[PaymentOrder],
    now: datetime,
) -> None:
    """Post what came back of what was lost, in whichever round, and did not come back before.

    `orders` are the dispute's, locked. Raises DisputeOverReturned.
    """
    # One wallet after the other, in the order in which everybody locks them.
    orders = sorted(orders, key=lambda order: (order.seller_id, order.pk))
    losses = [_loss(order, dispute) for order in orders]
    ours = platform_loss(dispute)
    weights = [weight for loss in losses for weight in loss.weights] + [ours.minor]
    if movement.amount.minor > sum(weights):
        left = Money(sum(weights), movement.amount.currency)
        raise DisputeOverReturned(returned=str(movement.amount), dispute=dispute.psp_ref, left=str(left))
    *shares, our_part = movement.amount.allocate(weights)
    splits = [_split(loss, shares[3 * place : 3 * place + 3]) for place, loss in enumerate(losses)]
    entry = recipes.dispute_recovered(
        psp=dispute.psp,
        dispute=dispute.psp_ref,
        movement=movement.psp_ref,
        amount=movement.amount,
        splits=[split for split in splits if split.total.minor],
        platform_loss=our_part,
        subject=f"checkout:{dispute.checkout_id}",
        value_date=movement.created_at.date(),
    )
    post(entry, actor=f"psp:{dispute.psp}", now=now)
    for order in orders:
        pass_on(order, cause=movement.psp_ref, actor=f"psp:{dispute.psp}", now=now)
    for split in splits:
        if split.from_pending.minor:
            # Where the order was delivered while nothing of it was left, there was nothing to release; now there is.
            key = f"{movement.psp_ref}:{split.order}"
            enqueue(kind="payouts.release_again", key=key, args={"order": split.order}, run_at=now)


def book_returned_fees(dispute: Dispute, facts: DisputeFacts, *, bearer: str, now: datetime) -> None:
    """Post fees that the provider gave back, to the seller who had borne them or to us; each once.

    Raises DisputeOverReturned where more came back than was charged.
    """
    returned = [movement for movement in facts.movements if movement.fee.minor < 0]
    if not returned:
        return
    # A fee is in the currency in which its movement was settled.
    for currency in {movement.fee.currency for movement in returned}:
        fees = [movement.fee for movement in facts.movements if movement.fee.currency == currency]
        charged = sum(fee.minor for fee in fees if fee.minor > 0)
        if sum(fee.minor for fee in fees) < 0:
            back = Money(-sum(fee.minor for fee in fees if fee.minor < 0), currency)
            left = str(Money(charged, currency))
            raise DisputeOverReturned(returned=f"{back} in fees", dispute=dispute.psp_ref, left=left)
    posted = posted_about(dispute)
    for movement in returned:
        if ("dispute_fee_returned", movement.psp_ref) in posted:
            continue
        fee = -movement.fee
        owed = at_most(fee, still_owed(bearer, dispute.psp_ref, fee.currency)) if bearer else None
        entry = recipes.dispute_fee_returned(
            psp=dispute.psp,
            dispute=dispute.psp_ref,
            movement=movement.psp_ref,
            fee=fee,
            bearer=bearer,
            owed=owed,
            subject=f"checkout:{dispute.checkout_id}",
            value_date=movement.created_at.date(),
        )
        post(entry, actor=f"psp:{dispute.psp}", now=now)


def posted_about(dispute: Dispute) -> set[tuple[str, str]]:
    """Return recipe and reference of every entry about the disputed checkout."""
    entries = entries_about(subjects=[f"checkout:{dispute.checkout_id}"])
    return {(entry["recipe"], entry["reference"]) for entry in entries}


def rounds(dispute: Dispute, facts: DisputeFacts) -> list[str]:
    """Return by what the events of each round are known in the books."""
    taken = sum(movement.amount.minor < 0 for movement in facts.movements)
    return [numbered(dispute, round_) for round_ in range(1, taken + 1)]


def numbered(dispute: Dispute, number: int) -> str:
    """Return by what the n-th event of its kind is known in the books."""
    return dispute.psp_ref if number == 1 else f"{dispute.psp_ref}:{number}"


def _loss(order: PaymentOrder, dispute: Dispute) -> _Loss:
    parts, ours = taken_by(order, dispute=dispute.psp_ref)
    return _Loss(order=order, parts=parts, ours=ours)


def platform_loss(dispute: Dispute) -> Money:
    """Return what we still bear of a lost dispute."""
    lines = [line for entry in entries_of_loss(dispute.checkout_id, dispute.psp_ref) for line in entry["lines"]]
    found = [line["amount"] for line in lines if line["account"] == chart.DISPUTE_LOSSES]
    return sum(found, start=Money(0, dispute.currency))


def _split(loss: _Loss, shares: Sequence[Money]) -> recipes.RefundSplit:
    sellers, commission, tax = shares
    return put_back(loss.order, loss.parts, seller_part=sellers, ours=Commission(commission=commission, tax=tax))
