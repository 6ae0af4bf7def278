"""The money of refunds: who bears one, and what its late failure gives back."""

from datetime import datetime

from ledger import recipes
from ledger.services import post
from payments.gateway import RefundFacts
from payments.models import PaymentOrder, Refund
from payments.services.attempt_rows import lock_with_checkout
from payments.services.books import as_given_back, at_most, taken_back, what_bears
from payments.services.passed_on import pass_on
from payments.services.settlements import Item, book_refund_settlement


def psp_of(refund: Refund) -> str:
    """Return the provider that holds the money: the one that the order was paid through."""
    return str(refund.order.paid_by.psp) if refund.order.paid_by else ""


def book_refund(refund: Refund, facts: RefundFacts, *, now: datetime) -> None:
    """Post a refund that was carried out, in the caller's transaction.

    One that was under way when a dispute took the sale back is ours beyond what the dispute left, as a dispute is
    beyond what a refund left: which of the two was told first makes no difference.
    """
    order = _locked_order(refund)
    borne = at_most(refund.amount, order.captured - taken_back(order).total)
    entry = recipes.refund_succeeded(
        psp=psp_of(refund),
        refund=facts.psp_ref,
        amount=refund.amount,
        split=what_bears(order, borne),
        platform_loss=refund.amount - borne,
        subject=f"checkout:{order.checkout_id}",
        value_date=facts.created_at.date(),
    )
    post(entry, actor=f"psp:{psp_of(refund)}", now=now)
    book_settled(refund, facts, now=now)


def book_late_failure(refund: Refund, facts: RefundFacts, *, now: datetime) -> None:
    """Post that a refund which had been carried out never reached the buyer, in the caller's transaction."""
    # Refunds of other orders of the charge may fail too, and what disputes cost us is passed on once.
    lock_with_checkout(str(refund.order.paid_by_id))
    order = _locked_order(refund)
    split = as_given_back(order, recipe="refund_succeeded", reference=facts.psp_ref)
    entry = recipes.refund_failed_late(
        psp=psp_of(refund),
        refund=facts.psp_ref,
        amount=refund.amount,
        split=split,
        platform_loss=refund.amount - split.total,
        subject=f"checkout:{order.checkout_id}",
    )
    post(entry, actor=f"psp:{psp_of(refund)}", now=now)
    pass_on(order, cause=facts.psp_ref, actor=f"psp:{psp_of(refund)}", now=now)
    book_settled(refund, facts, now=now)


def book_settled(refund: Refund, facts: RefundFacts, *, now: datetime) -> None:
    """Post how the provider settled a refund, and its failure, in the caller's transaction."""
    item = Item(psp=psp_of(refund), source=facts.psp_ref, subject=f"checkout:{refund.order.checkout_id}")
    about = {"charge": str(refund.params["charge_ref"]), "about": f"refund:{refund.pk}"}
    book_refund_settlement(item, facts, amount=refund.amount, **about, now=now)


def _locked_order(refund: Refund) -> PaymentOrder:
    return PaymentOrder.objects.select_for_update().get(pk=refund.order_id)
