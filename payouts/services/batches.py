"""Batches: proposed by one person with the money reserved at once, decided by another.

The reservation is the posting available -> in transit, so nothing can be promised twice, and what a payout
consists of is exactly the lines of the seller's available account that no earlier payout has settled. Where the
provider cannot be asked for their sum to the last minor unit, the rest is carried to the next payout, by lines of its
own.
"""

from datetime import datetime, timedelta

from django.conf import settings

from ledger import chart, recipes
from ledger.money import Money
from ledger.selectors import AccountLine, lines_of_account, pending_of_order, wallets
from ledger.services import Entry, lock_wallet, post
from operations.edges import money_tx
from operations.errors import DomainError
from operations.lifecycle import move
from operations.services import enqueue, record_audit, request_approval, require_running
from operations.texts import require_fit
from payments.gateway import provider
from payments.selectors import SellerFacts, held_by_disputes, sellers_by_id
from payouts.models import Batch, Delivery, Payout, PayoutItem
from payouts.services.debts import net_debts


class NothingToPayOut(DomainError):
    """No seller has {currency} to be paid out: at least {minimum_minor} minor units available, and nothing owed."""

    code = "nothing_to_pay_out"


class ItemsDoNotSum(DomainError):
    """The unsettled lines of {seller} sum to {items}, but {available} is available."""

    code = "items_do_not_sum"


def propose_batch(*, currency: str, reason: str, actor: str, now: datetime, storefront: str | None = None) -> Batch:
    """Reserve everything that may be paid out in a currency and can be sent, and ask a second person to approve it.

    A seller is eligible when the provider lets money through to the account, at least the minimum is available,
    nothing is owed to us, no open dispute could take back what was released already, and the bank account was not
    changed a short while ago. Raises NothingToPayOut, Stopped, TextRefused.
    """
    require_running("payouts")
    require_fit(reason=reason)
    with money_tx("payouts.propose"):
        _net_all_debts(currency, actor=actor, now=now)
        batch = Batch.objects.create(currency=currency, proposed_by=actor, proposed_at=now)
        payouts = [
            payout
            for seller in _eligible(currency, storefront, now=now)
            if (payout := _reserve(batch, seller, actor=actor, now=now)) is not None
        ]
        if not payouts:
            raise NothingToPayOut(currency=currency, minimum_minor=settings.PAYOUT_MINIMUM_MINOR)
        batch.total_minor = sum(payout.amount_minor for payout in payouts)
        batch.payouts_count = len(payouts)
        batch.save(update_fields=["total_minor", "payouts_count"])
        request_approval(
            kind="payouts.batch",
            subject=f"batch:{batch.id}",
            payload={"batch": batch.id},
            reason=reason,
            maker=actor,
            now=now,
        )
    return batch


def approve_batch(*, batch: str, maker: str, checker: str, now: datetime) -> None:
    """Approve a batch and have its payouts sent. Called when a second person grants it; never directly."""
    require_running("payouts")
    found = Batch.objects.select_for_update().get(pk=batch)
    move(found, "approve", actor=checker, now=now, decided_by=checker, decided_at=now)
    for payout in found.payouts.select_for_update().order_by("pk"):
        move(payout, "approve", actor=checker, now=now)
        enqueue(kind="payouts.send_payout", key=payout.id, args={"payout": payout.id}, run_at=now)
    record_audit(
        action="payouts.batch.approved",
        actor=checker,
        subject=f"batch:{batch}",
        now=now,
        total=str(found.total),
    )


def cancel_batch(*, batch: str, maker: str, checker: str, now: datetime) -> None:
    """Give a rejected batch's money back to its sellers' available accounts."""
    found = Batch.objects.select_for_update().get(pk=batch)
    move(found, "cancel", actor=checker, now=now, decided_by=checker, decided_at=now)
    for payout in found.payouts.select_for_update().order_by("seller_id"):
        move(payout, "cancel", actor=checker, now=now)
        post(not_paid_entry(payout), actor=checker, now=now)
    record_audit(action="payouts.batch.canceled", actor=checker, subject=f"batch:{batch}", now=now)


def not_paid_entry(payout: Payout) -> Entry:
    """Return the entry that makes a payout's reservation available again."""
    return recipes.payout_not_paid(
        seller=payout.seller_id, payout=payout.id, amount=payout.amount, subject=f"payout:{payout.id}"
    )


def _net_all_debts(currency: str, *, actor: str, now: datetime) -> None:
    """Let every seller's available money pay the seller's debts first, one wallet after the other in order."""
    for wallet in sorted(wallets(), key=lambda wallet: wallet.seller):
        if wallet.currency == currency and wallet.receivable.minor and wallet.available.minor:
            net_debts(seller=wallet.seller, currency=currency, actor=actor, now=now)


def held_by_open_disputes(currency: str, *, seller: str = "") -> set[str]:
    """Return the sellers, all or one, of whom an open dispute could take what was released already.

    While all of an order is still pending, that covers what the seller could lose, and its release waits.
    """
    all_held = held_by_disputes(currency=currency)
    held = {one: stakes for one, stakes in all_held.items() if seller in ("", one)}
    at_stake = [order for stakes in held.values() for order, _ in stakes]
    # Of an order that is captured in parts, one may be released and another pending.
    released = set(
        Delivery.objects.filter(order_id__in=at_stake, released_minor__gt=0).values_list("order_id", flat=True)
    )

    def covered(seller: str, order: str) -> bool:
        pending = pending_of_order(seller=seller, order=order, currency=currency)
        return order not in released and pending.minor > 0

    return {
        seller
        for seller, stakes in held.items()
        if any(amount.minor and not covered(seller, order) for order, amount in stakes)
    }


def held_until(seller: SellerFacts, *, now: datetime) -> datetime | None:
    """Return until when a seller is paid nothing because the bank account was changed; None where that is over."""
    if seller.bank_changed_at is None:
        return None
    until = seller.bank_changed_at + timedelta(hours=settings.PAYOUT_CHANGED_BANK_HOURS)
    return until if until > now else None


def _eligible(currency: str, storefront: str | None, *, now: datetime) -> list[SellerFacts]:
    candidates = {
        wallet.seller
        for wallet in wallets()
        if wallet.currency == currency
        and wallet.available.minor >= settings.PAYOUT_MINIMUM_MINOR
        and wallet.receivable.minor == 0
    }
    sellers = sellers_by_id(sellers=sorted(candidates - held_by_open_disputes(currency)))
    return [
        seller
        for _, seller in sorted(sellers.items())
        if seller.payouts_enabled
        and seller.psp_account
        and storefront in (None, seller.storefront)
        and held_until(seller, now=now) is None
    ]


def _reserve(batch: Batch, seller: SellerFacts, *, actor: str, now: datetime) -> Payout | None:
    """Reserve a seller's available money as one payout, itemised.

    None where another batch was faster, or too little of it can be sent.
    """
    wallet = lock_wallet(seller=seller.seller, currency=batch.currency)
    lines = _unsettled_lines(seller.seller, batch.currency)
    amount = sum((-line.debit for line in lines), start=Money(0, batch.currency))
    if amount != wallet.available:
        raise ItemsDoNotSum(seller=seller.seller, items=str(amount), available=str(wallet.available))
    rest = Money(amount.minor % provider().step_of(amount.currency), amount.currency)
    amount -= rest
    if amount.minor < settings.PAYOUT_MINIMUM_MINOR or wallet.receivable.minor:
        return None
    payout = Payout(
        batch=batch,
        seller_id=seller.seller,
        seller_name=seller.name,
        amount_minor=amount.minor,
        currency=amount.currency,
        destination=seller.psp_account,
    )
    payout.psp_key = f"payout:{payout.id}"
    payout.params = {
        "reference": payout.id,
        "destination": seller.psp_account,
        "amount_minor": amount.minor,
        "currency": amount.currency,
    }
    payout.save()
    if rest.minor:
        lines.append(_carry(payout, rest, actor=actor, now=now))
    PayoutItem.objects.bulk_create(_item(payout, line) for line in lines)
    entry = recipes.payout_reserved(
        seller=seller.seller, payout=payout.id, amount=amount, subject=f"payout:{payout.id}"
    )
    post(entry, actor=actor, now=now)
    return payout


def _carry(payout: Payout, rest: Money, *, actor: str, now: datetime) -> AccountLine:
    """Carry to the next payout what this one cannot send. Returns the line that takes it from this one's items."""
    entry = recipes.payout_rest_carried(
        seller=payout.seller_id, payout=payout.id, amount=rest, subject=f"payout:{payout.id}"
    )
    posted = post(entry, actor=actor, now=now)
    unsettled = _unsettled_lines(payout.seller_id, payout.currency)
    return next(line for line in unsettled if line.entry_id == posted.entry_id and line.debit.minor > 0)


def _unsettled_lines(seller: str, currency: str) -> list[AccountLine]:
    """Return the lines of the available account that no payout has settled: what is available, to the cent.

    Reservations are left out: each is the mirror of the lines that its payout itemises.
    """
    last = (
        PayoutItem.objects.filter(payout__seller_id=seller, currency=currency)
        .order_by("-line_id")
        .values_list("line_id", flat=True)
        .first()
    )
    lines = lines_of_account(code=chart.available(seller), currency=currency, after_id=last or 0)
    return [line for line in lines if line.recipe != "payout_reserved"]


def _item(payout: Payout, line: AccountLine) -> PayoutItem:
    return PayoutItem(
        payout=payout,
        line_id=line.line_id,
        order_id=line.item if line.item.startswith("ord_") else "",
        recipe=line.recipe,
        amount_minor=-line.debit.minor,
        currency=payout.currency,
    )
