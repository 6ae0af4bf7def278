"""The money of disputes: withdrawn is not lost, each movement is an entry of its own, a policy says who bears a loss.

A movement is one of the provider's balance transactions. The n-th withdrawal of a dispute opens its n-th round, the
n-th reinstatement ends it well, unless the round was lost by then: what comes back after a loss goes to whoever bore
it (`dispute_returns`), and so does a fee. What is lost falls on the sellers as a refund would, or on us; what a dispute
is larger than what is left of its payment is always ours. All of that is in the buyer's currency; what the provider
settles in another is exchanged, and its fee is in that, for whoever bears it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.conf import settings

from ledger import recipes
from ledger.money import Money
from ledger.services import post
from operations.errors import DomainError
from payments.gateway import DisputeFacts, DisputeMovement
from payments.models import Bearer, Dispute, DisputeShare, PaymentOrder, Seller
from payments.services.books import at_most, taken_back, what_bears
from payments.services.dispute_returns import (
    DisputeOverReturned,
    book_recovered,
    book_returned_fees,
    posted_about,
    round_reference,
)
from payments.services.settlements import Item, book_exchange, is_converted
from payments.states import OrderState


class DisputeInAnotherCurrency(DomainError):
    """The provider moved {moved} for the dispute {dispute}, which is in {currency}: a person must look."""

    code = "dispute_in_another_currency"


def bearer_of(seller: Seller) -> Bearer:
    """Return who bears a lost dispute over a seller's sale: as agreed with the seller, else as is usual."""
    return Bearer(seller.disputes_borne_by or settings.DISPUTES_BORNE_BY)


def freeze_shares(dispute: Dispute) -> None:
    """Store what each seller's order has at stake, and who bears it, as of the opening."""
    orders = paid_orders(dispute)
    DisputeShare.objects.bulk_create(
        DisputeShare(
            dispute=dispute,
            order=order,
            borne_by=bearer_of(order.seller),
            amount_minor=amount.minor,
            currency=amount.currency,
        )
        for order, amount in _divided(orders, dispute.amount)
    )


def paid_orders(dispute: Dispute) -> list[PaymentOrder]:
    """Return the orders that a disputed charge paid, locked in the caller's transaction."""
    return list(
        PaymentOrder.objects.select_for_update(of=("self",))
        .select_related("seller")
        .filter(paid_by__charge_ref=dispute.charge_ref, state=OrderState.SUCCESS)
        .order_by("pk")
    )


def book_movements(dispute: Dispute, facts: DisputeFacts, *, now: datetime) -> None:
    """Post what the provider withdrew, charged and gave back. What is in the books already is not posted again."""
    for movement in facts.movements:
        _require_bookable(dispute, movement)
    taken = withdrawals(facts)
    for round_, movement in enumerate(taken, start=1):
        opened = recipes.dispute_opened(
            psp=dispute.psp,
            dispute=dispute.psp_ref,
            amount=-movement.amount,
            dispute_round=round_,
            subject=_subject(dispute),
            value_date=movement.created_at.date(),
        )
        post(opened, actor=_actor(dispute), now=now)
        _exchange(dispute, movement, now=now)
        if movement.fee.minor > 0:
            _book_fee(dispute, movement, round_, now=now)
    posted = posted_about(dispute)
    for number, movement in enumerate(reinstatements(facts), start=1):
        # What comes back in parts belongs to the last round.
        round_ = min(number, len(taken))
        if ("dispute_lost", round_reference(dispute, round_)) in posted:
            book_recovered(dispute, movement, facts, round_=round_, orders=paid_orders(dispute), now=now)
            _exchange(dispute, movement, now=now)
            continue
        if number > len(taken):
            raise DisputeOverReturned(returned=str(movement.amount), dispute=dispute.psp_ref, left="nothing")
        won = recipes.dispute_won(
            psp=dispute.psp,
            dispute=dispute.psp_ref,
            amount=movement.amount,
            dispute_round=round_,
            subject=_subject(dispute),
            value_date=movement.created_at.date(),
        )
        post(won, actor=_actor(dispute), now=now)
        _exchange(dispute, movement, now=now)
    book_returned_fees(dispute, facts, bearer=_bearer_of_fee(dispute), now=now)


def book_loss(dispute: Dispute, facts: DisputeFacts, *, now: datetime) -> None:
    """Post the loss of what the provider keeps of a lost dispute; what is posted already is not posted again."""
    taken = withdrawals(facts)
    if len(taken) <= len(reinstatements(facts)):
        # An inquiry that was lost, or a charge that had been refunded: nothing was withdrawn, or not yet.
        return
    if ("dispute_lost", round_reference(dispute, len(taken))) in posted_about(dispute):
        return
    amount = -taken[-1].amount
    splits = _splits(dispute, amount)
    entry = recipes.dispute_lost(
        dispute=dispute.psp_ref,
        amount=amount,
        splits=splits,
        platform_loss=amount - sum((split.total for split in splits), start=Money(0, amount.currency)),
        dispute_round=len(taken),
        subject=_subject(dispute),
    )
    post(entry, actor=_actor(dispute), now=now)


def withdrawals(facts: DisputeFacts) -> list[DisputeMovement]:
    """Return the movements by which the provider took the money, the oldest first."""
    return [movement for movement in facts.movements if movement.amount.minor < 0]


def reinstatements(facts: DisputeFacts) -> list[DisputeMovement]:
    """Return the movements by which the provider gave it back, the oldest first."""
    return [movement for movement in facts.movements if movement.amount.minor > 0]


def _splits(dispute: Dispute, amount: Money) -> list[recipes.RefundSplit]:
    """Return what the sellers bear of a loss: their parts of what is left of the payment, where policy says so."""
    theirs = set(dispute.shares.filter(borne_by=Bearer.SELLER).values_list("order_id", flat=True))
    divided = _divided(paid_orders(dispute), amount)
    borne = [(order, part) for order, part in divided if order.pk in theirs and part.minor]
    # One wallet after the other, in the order in which everybody locks them.
    return _bearing(sorted(borne, key=lambda pair: pair[0].seller_id))


def _bearing(borne: Iterable[tuple[PaymentOrder, Money]]) -> list[recipes.RefundSplit]:
    """Split each order's part over what its seller has; two orders of one seller never count on the same money."""
    splits: list[recipes.RefundSplit] = []
    spent: dict[str, Money] = {}
    for order, part in borne:
        split = what_bears(order, part, spent=spent.get(order.seller_id))
        spent[order.seller_id] = spent.get(order.seller_id, Money(0, part.currency)) + split.from_available
        splits.append(split)
    return splits


def _divided(orders: Sequence[PaymentOrder], amount: Money) -> list[tuple[PaymentOrder, Money]]:
    """Divide a disputed amount over orders by what is left of each (largest remainder), at most what is left."""
    left = [order.captured - taken_back(order).total for order in orders]
    whole = sum((each.minor for each in left), start=0)
    if whole <= 0:
        return [(order, Money(0, amount.currency)) for order in orders]
    parts = at_most(amount, Money(whole, amount.currency)).allocate([each.minor for each in left])
    return list(zip(orders, parts, strict=True))


def _exchange(dispute: Dispute, movement: DisputeMovement, *, now: datetime) -> None:
    """Post what a movement was exchanged for, where it was settled in another currency than the dispute's."""
    if movement.settlement is not None and is_converted(movement.settlement, movement.amount):
        item = Item(psp=dispute.psp, source=dispute.psp_ref, subject=_subject(dispute))
        book_exchange(item, movement.settlement, movement.amount, now=now)


def _book_fee(dispute: Dispute, movement: DisputeMovement, round_: int, *, now: datetime) -> None:
    entry = recipes.dispute_fee_charged(
        psp=dispute.psp,
        dispute=dispute.psp_ref,
        fee=movement.fee,
        bearer=_bearer_of_fee(dispute),
        dispute_round=round_,
        subject=_subject(dispute),
        value_date=movement.created_at.date(),
    )
    post(entry, actor=_actor(dispute), now=now)


def _bearer_of_fee(dispute: Dispute) -> str:
    """Return the seller who bears the fee: by policy, and where the payment was one seller's alone. Nobody means us.

    The policy of the opening counts, in every round: the shares keep it.
    """
    sellers = list(dispute.shares.values_list("order__seller", "borne_by").distinct())
    alone = len(sellers) == 1 and sellers[0][1] == Bearer.SELLER
    return str(sellers[0][0]) if dispute.fee_borne_by == Bearer.SELLER and alone else ""


def _require_bookable(dispute: Dispute, movement: DisputeMovement) -> None:
    if movement.amount.currency != dispute.currency:
        raise DisputeInAnotherCurrency(moved=str(movement.amount), dispute=dispute.psp_ref, currency=dispute.currency)


def _subject(dispute: Dispute) -> str:
    return f"checkout:{dispute.checkout_id}"


def _actor(dispute: Dispute) -> str:
    return f"psp:{dispute.psp}"
