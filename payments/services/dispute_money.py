"""The money of disputes: withdrawn is not lost, each movement is an entry of its own, a policy says who bears a loss.

A movement is one of the provider's balance transactions, and they are booked in the order in which they happened. A
withdrawal opens a round. What comes back is what stood open, in one piece or in parts; where nothing is open any more,
because it was lost by then, it goes to whoever bore that (`dispute_returns`), and so does a fee. What is still open
when the verdict falls is lost: on the sellers as a refund would be, or on us; what a dispute is larger than what is
left of its payment is always ours. All of that is in the buyer's currency; what the provider settles in another is
exchanged, and its fee is in that, for whoever bears it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings

from ledger import recipes
from ledger.money import Money
from ledger.selectors import withdrawn_for
from ledger.services import post
from operations.errors import DomainError
from payments.gateway import DisputeFacts, DisputeMovement
from payments.models import Bearer, Dispute, DisputeShare, PaymentOrder, Seller
from payments.services.books import at_most, taken_back, what_bears
from payments.services.dispute_returns import (
    DisputeOverReturned,
    book_recovered,
    book_returned_fees,
    numbered,
    platform_loss,
    posted_about,
    rounds,
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
        for order, amount in _divided(dispute, orders, dispute.amount)
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
    withdrawn = returned = 0
    for movement in facts.movements:
        if movement.amount.minor < 0:
            withdrawn += 1
            _book_withdrawal(dispute, movement, withdrawn, now=now)
        elif movement.amount.minor > 0:
            returned += 1
            _book_return(dispute, movement, facts, number=returned, now=now)
        if movement.amount.minor >= 0 and movement.fee.minor > 0:
            # A fee for something else than the withdrawal: that the dispute is countered costs, too.
            _book_fee(dispute, movement, movement=movement.psp_ref, now=now)
    book_returned_fees(dispute, facts, bearer=_bearer_of_fee(dispute), now=now)


def book_loss(dispute: Dispute, facts: DisputeFacts, *, now: datetime) -> None:
    """Post the loss of what the provider keeps of a lost dispute; what is posted already is not posted again."""
    amount = withdrawn_for(dispute=dispute.psp_ref, currency=dispute.currency)
    if not amount.minor:
        # An inquiry that was lost, or a charge that had been refunded: nothing was withdrawn, or not yet.
        return
    splits = _splits(dispute, amount)
    entry = recipes.dispute_lost(
        dispute=dispute.psp_ref,
        amount=amount,
        splits=splits,
        platform_loss=amount - sum((split.total for split in splits), start=Money(0, amount.currency)),
        dispute_round=len(withdrawals(facts)),
        subject=_subject(dispute),
    )
    post(entry, actor=_actor(dispute), now=now)


def withdrawals(facts: DisputeFacts) -> list[DisputeMovement]:
    """Return the movements by which the provider took the money, the oldest first."""
    return [movement for movement in facts.movements if movement.amount.minor < 0]


def reinstatements(facts: DisputeFacts) -> list[DisputeMovement]:
    """Return the movements by which the provider gave it back, the oldest first."""
    return [movement for movement in facts.movements if movement.amount.minor > 0]


def _book_withdrawal(dispute: Dispute, movement: DisputeMovement, round_: int, *, now: datetime) -> None:
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
        _book_fee(dispute, movement, dispute_round=round_, now=now)


def _book_return(
    dispute: Dispute, movement: DisputeMovement, facts: DisputeFacts, *, number: int, now: datetime
) -> None:
    """Post what came back for the n-th time: what stood open, else what was lost. Raises DisputeOverReturned."""
    posted = posted_about(dispute)
    if ("dispute_won", numbered(dispute, number)) in posted:
        _book_won(dispute, movement, number, now=now)
    elif ("dispute_recovered", movement.psp_ref) not in posted:
        left = withdrawn_for(dispute=dispute.psp_ref, currency=dispute.currency)
        if not left.minor and any(("dispute_lost", lost) in posted for lost in rounds(dispute, facts)):
            book_recovered(dispute, movement, orders=paid_orders(dispute), now=now)
        elif movement.amount.minor > left.minor:
            text = str(left) if left.minor else "nothing"
            raise DisputeOverReturned(returned=str(movement.amount), dispute=dispute.psp_ref, left=text)
        else:
            _book_won(dispute, movement, number, now=now)
    _exchange(dispute, movement, now=now)


def _book_won(dispute: Dispute, movement: DisputeMovement, number: int, *, now: datetime) -> None:
    won = recipes.dispute_won(
        psp=dispute.psp,
        dispute=dispute.psp_ref,
        amount=movement.amount,
        number=number,
        subject=_subject(dispute),
        value_date=movement.created_at.date(),
    )
    post(won, actor=_actor(dispute), now=now)


def _splits(dispute: Dispute, amount: Money) -> list[recipes.RefundSplit]:
    """Return what the sellers bear of a loss: their parts of what is left of the payment, where policy says so."""
    theirs = set(dispute.shares.filter(borne_by=Bearer.SELLER).values_list("order_id", flat=True))
    divided = _divided(dispute, paid_orders(dispute), amount)
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


def _divided(dispute: Dispute, orders: Sequence[PaymentOrder], amount: Money) -> list[tuple[PaymentOrder, Money]]:
    """Divide a disputed amount over orders by what is left of each (largest remainder), at most what is left."""
    ours = _lost_for(dispute)
    left = [_left_of(order, ours.get(order.pk, Money(0, order.currency))) for order in orders]
    whole = sum((each.minor for each in left), start=0)
    if whole <= 0:
        return [(order, Money(0, amount.currency)) for order in orders]
    parts = at_most(amount, Money(whole, amount.currency)).allocate([each.minor for each in left])
    return list(zip(orders, parts, strict=True))


def _left_of(order: PaymentOrder, ours: Money) -> Money:
    return at_most(order.captured - taken_back(order).total - ours, order.captured)


def _lost_for(dispute: Dispute) -> dict[str, Money]:
    """Return what we bore, by policy, of orders in disputes of the same charge: nothing is left of that either.

    The books have it as ours, not as an order's: of each dispute it is the orders' by what each had at stake.
    """
    found: dict[str, Money] = {}
    for one in Dispute.objects.filter(charge_ref=dispute.charge_ref).order_by("pk"):
        shares = list(one.shares.filter(borne_by=Bearer.PLATFORM, amount_minor__gt=0).order_by("pk"))
        if not shares:
            continue
        stakes = sum((share.amount for share in shares[1:]), start=shares[0].amount)
        parts = at_most(platform_loss(one), stakes).allocate([share.amount_minor for share in shares])
        for share, part in zip(shares, parts, strict=True):
            found[share.order_id] = found.get(share.order_id, Money(0, part.currency)) + part
    return found


def _exchange(dispute: Dispute, movement: DisputeMovement, *, now: datetime) -> None:
    """Post what a movement was exchanged for, where it was settled in another currency than the dispute's."""
    if movement.settlement is not None and is_converted(movement.settlement, movement.amount):
        item = Item(psp=dispute.psp, source=dispute.psp_ref, subject=_subject(dispute))
        book_exchange(item, movement.settlement, movement.amount, now=now)


def _book_fee(dispute: Dispute, charged: DisputeMovement, *, now: datetime, **named: Any) -> None:
    entry = recipes.dispute_fee_charged(
        psp=dispute.psp,
        dispute=dispute.psp_ref,
        fee=charged.fee,
        bearer=_bearer_of_fee(dispute),
        subject=_subject(dispute),
        value_date=charged.created_at.date(),
        **named,
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
