"""Sending payouts, in three beats, and learning what became of them."""

from datetime import datetime

from ledger import recipes
from ledger.services import lock_wallet, post
from operations.edges import money_tx
from operations.errors import DomainError
from operations.lifecycle import move
from operations.services import TryLater, enqueue, record_audit, require_running
from payments.gateway import (
    ACCOUNTS_PSP,
    Declined,
    ProviderEvent,
    Succeeded,
    Transfer,
    TransferRequest,
    Unknown,
    provider,
)
from payments.selectors import sellers_by_id
from payouts.models import Batch, Payout
from payouts.services.batches import held_by_open_disputes, held_until, not_paid_entry
from payouts.services.debts import net_debts
from payouts.states import BatchState, PayoutState

# Payouts are transfers to the sellers' accounts, wherever their payments came in.
_ACTOR = f"psp:{ACCOUNTS_PSP}"
ENDED = (PayoutState.PAID, PayoutState.FAILED, PayoutState.RETURNED, PayoutState.CANCELED)


class PayoutUnclear(DomainError):
    """The payout {payout} was sent at {sent_at} and the provider never said what became of it: a person must look."""

    code = "payout_unclear"


class TransferMismatch(DomainError):
    """The transfer {transfer} moves {moved} to {destination}; the payout {payout} is {amount} to {expected}."""

    code = "transfer_mismatch"


def send_payout(*, payout: str, now: datetime) -> None:
    """Send an approved payout, or find out what became of it (a job). Raises TryLater, PayoutUnclear, Stopped.

    One whose seller is paid nothing by now is called off before it is sent: the money is available again.
    """
    with money_tx("payouts.claim"):
        found = Payout.objects.select_for_update().get(pk=payout)
        if found.state not in (PayoutState.APPROVED, PayoutState.SENDING, PayoutState.UNKNOWN):
            return
        was_sent = found.sent_at is not None
        if not was_sent:
            require_running("payouts")
            if keeps := _what_keeps(found):
                _call_off(found, *keeps, now=now)
                return
            _require_known_bank(found, now=now)
        move(found, "send", actor="system:jobs", now=now, sent_at=found.sent_at or now)
    outcome = _look_up(found) if was_sent else None
    if outcome is None:
        if found.sent_at and (now - found.sent_at).total_seconds() >= provider().key_life_s:
            raise PayoutUnclear(payout=payout, sent_at=found.sent_at)
        outcome = provider(about=f"payout:{payout}").create_transfer(TransferRequest(**found.params), key=found.psp_key)
    _record(payout, outcome, now=now)
    if isinstance(outcome, Unknown):
        raise TryLater(reason=outcome.reason, after_s=outcome.retry_after_s)


def _what_keeps(payout: Payout) -> tuple[str, str] | None:
    """Return what came up since a payout was proposed for which it would not be proposed now: a code and a sentence."""
    if lock_wallet(seller=payout.seller_id, currency=payout.currency).receivable.minor:
        return "seller_owes", "the seller owes us by now, and that comes first"
    if held_by_open_disputes(payout.currency, seller=payout.seller_id):
        return "seller_disputed", "an open dispute could take back by now what it pays out"
    return None


def _call_off(payout: Payout, code: str, why: str, *, now: datetime) -> None:
    move(payout, "cancel", actor="system:payouts", now=now, reason=code, last_error=why)
    post(not_paid_entry(payout), actor="system:payouts", now=now)
    net_debts(seller=payout.seller_id, currency=payout.currency, actor="system:payouts", now=now)
    record_audit(
        action="payouts.payout.called_off", actor="system:payouts", subject=f"payout:{payout.id}", now=now, why=why
    )
    _complete_batch(payout.batch_id, now=now)


def _require_known_bank(payout: Payout, *, now: datetime) -> None:
    """Let an approved payout wait whose seller's bank account was changed since. Raises TryLater."""
    seller = sellers_by_id(sellers=[payout.seller_id])[payout.seller_id]
    until = held_until(seller, now=now)
    if until is not None:
        wait_s = int((until - now).total_seconds()) + 1
        raise TryLater(reason=f"the seller's bank account was changed at {seller.bank_changed_at}", after_s=wait_s)


def confirm_payout(*, payout: str, now: datetime) -> None:
    """Look whether a sent payout's transfer stands, and book it (a job; the webhook's word is only a hint).

    Raises TryLater, and TransferMismatch when the provider's transfer is not the payout's.
    """
    found = Payout.objects.get(pk=payout)
    if found.state not in (PayoutState.SENT, PayoutState.PAID) or found.psp_ref is None:
        return
    outcome = provider(about=f"payout:{payout}").fetch_transfer(found.psp_ref)
    match outcome:
        case Unknown(reason=reason, retry_after_s=after_s):
            raise TryLater(reason=reason, after_s=after_s)
        case Declined(message=message):
            raise TryLater(reason=f"the provider does not show the transfer: {message}", after_s=300)
    transfer = outcome.value
    _require_same(found, transfer)
    with money_tx("payouts.confirm"):
        found = Payout.objects.select_for_update().get(pk=payout)
        if found.state == PayoutState.SENT:
            _book_paid(found, transfer, now=now)
        _book_returned(found, transfer, now=now)
        _complete_batch(found.batch_id, now=now)


def transfer_changed(*, event: ProviderEvent, now: datetime) -> None:
    """Something happened to a transfer: fetch it. Its record may still be on its way here."""
    payout = Payout.objects.filter(pk=event.reference).first() or Payout.objects.filter(psp_ref=event.object_id).first()
    if payout is None:
        raise TryLater(reason=f"the transfer {event.object_id} is not known here yet")
    if payout.psp_ref is None:
        raise TryLater(reason="the webhook came before our own record", after_s=2)
    confirm_payout(payout=payout.pk, now=now)


def _look_up(payout: Payout) -> Succeeded[Transfer] | Declined | Unknown | None:
    found = provider(about=f"payout:{payout.pk}").find_transfer(payout.id)
    match found:
        case Succeeded(value=Transfer() as transfer):
            return Succeeded(transfer)
        case Succeeded():
            return None
        case _:
            return found


def _record(payout_id: str, outcome: Succeeded[Transfer] | Declined | Unknown, *, now: datetime) -> None:
    with money_tx("payouts.record"):
        payout = Payout.objects.select_for_update().get(pk=payout_id)
        if payout.state != PayoutState.SENDING:
            return
        match outcome:
            case Succeeded(value=transfer):
                move(payout, "accept", actor=_ACTOR, now=now, psp_ref=transfer.psp_ref)
                enqueue(kind="payouts.confirm_payout", key=payout.id, args={"payout": payout.id}, run_at=now)
            case Declined(code=code, message=message):
                move(payout, "fail", actor=_ACTOR, now=now, reason=code, last_error=message)
                post(not_paid_entry(payout), actor=_ACTOR, now=now)
                _complete_batch(payout.batch_id, now=now)
            case Unknown(reason=reason):
                move(payout, "lose_sight", actor="system:jobs", now=now, reason=reason, last_error=reason)


def _require_same(payout: Payout, transfer: Transfer) -> None:
    if (transfer.amount, transfer.destination) != (payout.amount, payout.destination):
        raise TransferMismatch(
            transfer=transfer.psp_ref,
            moved=str(transfer.amount),
            destination=transfer.destination,
            payout=payout.id,
            amount=str(payout.amount),
            expected=payout.destination,
        )


def _book_paid(payout: Payout, transfer: Transfer, *, now: datetime) -> None:
    entry = recipes.payout_paid(
        psp=ACCOUNTS_PSP,
        payout=payout.id,
        transfer=transfer.psp_ref,
        amount=transfer.amount,
        subject=f"payout:{payout.id}",
        value_date=transfer.created_at.date(),
    )
    post(entry, actor=_ACTOR, now=now)
    move(payout, "pay", actor=_ACTOR, now=now, paid_at=now)


def _book_returned(payout: Payout, transfer: Transfer, *, now: datetime) -> None:
    """Book each reversal, under its own id as on the statement; the payout is returned once all of it is back."""
    for reversal in transfer.reversals:
        entry = recipes.payout_returned(
            psp=ACCOUNTS_PSP,
            seller=payout.seller_id,
            payout=payout.id,
            reversal=reversal.psp_ref,
            amount=reversal.amount,
            subject=f"payout:{payout.id}",
            value_date=reversal.created_at.date(),
        )
        post(entry, actor=_ACTOR, now=now)
    if transfer.reversed == payout.amount and payout.state == PayoutState.PAID:
        move(payout, "bounce", actor=_ACTOR, now=now, reason="the transfer was reversed")


def _complete_batch(batch_id: str, *, now: datetime) -> None:
    batch = Batch.objects.select_for_update().get(pk=batch_id)
    if batch.state == BatchState.APPROVED and not batch.payouts.exclude(state__in=ENDED).exists():
        move(batch, "complete", actor="system:payouts", now=now)
