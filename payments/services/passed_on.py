"""Losses of ours that a sale bears after all.

We bear what a refund and a dispute together took beyond what was paid. Where one of them is undone later, something of
the sale is left again, and that comes first: in which order the two were told, and which of them ended when, makes no
difference to anybody in the end.
"""

from datetime import datetime

from ledger import recipes
from ledger.services import post
from payments.models import Bearer, Dispute, PaymentOrder, Refund
from payments.services.books import at_most, losses_of_ours, taken_back, what_bears


def pass_on(order: PaymentOrder, *, cause: str, actor: str, now: datetime) -> None:
    """Let a sale bear what we bore for it, as far as something of it is left; in the caller's transaction.

    `cause` is what gave something of it back just now. The caller has locked the order, and its attempt where other
    orders were paid by the same charge. What policy has us bear stays ours.
    """
    for item, amount in losses_of_ours(order, [*_refunds(order), *_disputes(order)]):
        part = at_most(amount, order.captured - taken_back(order).total)
        if part.minor:
            entry = recipes.loss_passed_on(
                cause=cause,
                item=item,
                amount=part,
                split=what_bears(order, part),
                subject=f"checkout:{order.checkout_id}",
            )
            post(entry, actor=actor, now=now)


def _refunds(order: PaymentOrder) -> list[str]:
    refunds = Refund.objects.filter(order=order, psp_ref__isnull=False)
    return [str(ref) for ref in refunds.order_by("pk").values_list("psp_ref", flat=True)]


def _disputes(order: PaymentOrder) -> list[str]:
    """Return the disputes of the order's charge of which only what is beyond the payment is ours.

    Where policy has us bear a part, the books do not tell the one from the other.
    """
    assert order.paid_by is not None  # noqa: S101 - what was captured was paid by an attempt
    disputes = Dispute.objects.filter(charge_ref=order.paid_by.charge_ref, shares__order=order)
    return list(disputes.exclude(shares__borne_by=Bearer.PLATFORM).order_by("pk").values_list("psp_ref", flat=True))
