"""Sellers and their accounts at the provider."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.conf import settings

from ledger.money import Money
from operations.edges import money_tx
from operations.errors import DomainError
from operations.services import TryLater, enqueue, enqueue_again, record_audit, withdraw
from operations.texts import require_fit
from payments.errors import NotKnownYet, UnknownSeller
from payments.gateway import ACCOUNTS_PSP, Account, AccountRequest, Declined, Outcome, Succeeded, Unknown, provider
from payments.models import Bearer, CommissionMinimum, CommissionRate, Seller
from payments.services.common import key_alive, try_later

WATCH_ACCOUNT = "payments.watch_seller_account"
SYNC_ACCOUNT = "payments.sync_seller_account"
# How long the provider is given to tell of an account by itself, and how rarely it is asked at last.
_FIRST_LOOK = timedelta(minutes=10)
_SOONEST_S, _LATEST_S = 600, 6 * 3600


class SellerExists(DomainError):
    """The seller {seller_id!r} exists already, with another {field}."""

    code = "seller_exists"


class TaxUnnamed(DomainError):
    """The commission of the seller {seller_id!r} is taxed at {bps} basis points, but its tax has no name."""

    code = "tax_unnamed"
    parameter = "commission_tax"


class BearerUnknown(DomainError):
    """A lost dispute is borne by the seller, by the platform, or as usual; not by {borne_by!r}."""

    code = "bearer_unknown"


class AccountRefused(DomainError):
    """The provider refused to open an account for {seller_id!r}: {message}"""

    code = "account_refused"


def register_seller(
    *,
    storefront: str,
    seller_id: str,
    name: str,
    country: str,
    actor: str,
    now: datetime,
    commission_bps: int | None = None,
    commission_tax_bps: int | None = None,
    commission_tax: str | None = None,
    commission_rates: Mapping[str, int] | None = None,
    commission_minimums: Sequence[Money] | None = None,
) -> tuple[Seller, bool]:
    """Make a seller known, and have an account opened at the provider. The same seller again is no new one.

    Rates are in basis points: our commission, and the tax on it; `commission_rates` has the rates of categories,
    `commission_minimums` the least commission on a sale, one a currency. Returns the seller and whether it is new.
    Raises TaxUnnamed, and SellerExists when it is known with another name, country or terms.
    """
    if commission_tax_bps and not commission_tax:
        raise TaxUnnamed(seller_id=seller_id, bps=commission_tax_bps)
    given = {
        "name": name,
        "country": country,
        "commission_bps": commission_bps,
        "commission_tax_bps": commission_tax_bps,
        "commission_tax": commission_tax,
    }
    stated = {field: value for field, value in given.items() if value is not None}
    with money_tx("sellers.register"):
        seller, created = Seller.objects.get_or_create(
            storefront_id=storefront,
            seller_id=seller_id,
            defaults={"commission_bps": settings.COMMISSION_BPS, **stated, "created_at": now},
        )
        if created:
            _store_terms(seller, commission_rates or {}, commission_minimums or [])
            enqueue(kind="payments.open_seller_account", key=seller.id, args={"seller": seller.id}, run_at=now)
            record_audit(action="payments.seller.registered", actor=actor, subject=f"seller:{seller.id}", now=now)
        for field, value in stated.items():
            if getattr(seller, field) != value:
                raise SellerExists(seller_id=seller_id, field=field, parameter=field)
        if commission_rates is not None and _rates(seller) != dict(commission_rates):
            raise SellerExists(seller_id=seller_id, field="commission_rates", parameter="commission_rates")
        if commission_minimums is not None and _minimums(seller) != set(commission_minimums):
            raise SellerExists(seller_id=seller_id, field="commission_minimums", parameter="commission_minimums")
    return seller, created


def agree_on_disputes(*, seller: str, borne_by: str, reason: str, actor: str, now: datetime) -> None:
    """Note who bears a seller's lost disputes: `seller`, `platform`, or as usual where it is empty.

    It counts for disputes that open from now on. Raises UnknownSeller, BearerUnknown, TextRefused.
    """
    if borne_by not in ("", *Bearer.values):
        raise BearerUnknown(borne_by=borne_by)
    require_fit(reason=reason)
    with money_tx("sellers.agree"):
        if not Seller.objects.filter(pk=seller).update(disputes_borne_by=borne_by):
            raise UnknownSeller(seller_account=seller)
        record_audit(
            action="payments.seller.disputes_agreed",
            actor=actor,
            subject=f"seller:{seller}",
            now=now,
            borne_by=borne_by or "as usual",
            reason=reason,
        )


def _store_terms(seller: Seller, rates: Mapping[str, int], minimums: Sequence[Money]) -> None:
    CommissionRate.objects.bulk_create(
        CommissionRate(seller=seller, category=category, bps=bps) for category, bps in rates.items()
    )
    CommissionMinimum.objects.bulk_create(
        CommissionMinimum(seller=seller, currency=least.currency, minimum_minor=least.minor) for least in minimums
    )


def _minimums(seller: Seller) -> set[Money]:
    return {found.minimum for found in seller.commission_minimums.all()}


def _rates(seller: Seller) -> dict[str, int]:
    return dict(seller.commission_rates.values_list("category", "bps"))


def open_seller_account(*, seller: str, now: datetime) -> None:
    """Open the seller's account at the provider (a job; the seller's id is the key, so it opens once).

    Raises TryLater, and AccountRefused when the provider will not have the seller.
    """
    found = Seller.objects.get(pk=seller)
    if found.psp_account:
        return
    request = AccountRequest(reference=found.id, name=found.name, country=found.country)
    gateway = provider(ACCOUNTS_PSP, about=f"seller:{found.pk}")
    opened = None if key_alive(gateway, found.created_at, now) else _already_open(found)
    outcome: Outcome[Account] = opened or gateway.open_account(request, key=f"account:{found.id}")
    if isinstance(outcome, Unknown):
        # A stored 500 is replayed for ever, a look-up is not.
        outcome = _already_open(found) or outcome
    match outcome:
        case Unknown():
            raise try_later(outcome)
        case Declined():
            raise AccountRefused(seller_id=found.seller_id, message=outcome.message)
    with money_tx("sellers.record_account"):
        Seller.objects.filter(pk=seller, psp_account="").update(
            psp_account=outcome.value.psp_ref,
            payouts_enabled=outcome.value.payouts_enabled,
            bank=outcome.value.bank,
        )
        if not outcome.value.payouts_enabled:
            _watch(seller, run_at=now + _FIRST_LOOK)


def _already_open(seller: Seller) -> Succeeded[Account] | Unknown | None:
    """Look for an account that an earlier, unanswered request opened."""
    match provider(ACCOUNTS_PSP, about=f"seller:{seller.pk}").find_account(seller.id, since=seller.created_at):
        case Succeeded(value=Account() as account):
            return Succeeded(account)
        case Succeeded():
            return None
        case Unknown() as unknown:
            return unknown
        case Declined(message=message):
            return Unknown(reason=f"the look-up was refused: {message}")


def watch_seller_account(*, seller: str, now: datetime) -> None:
    """Ask where a seller's account stands, until the provider pays out to it (a job). Raises TryLater until then.

    The provider tells by a webhook, which may be lost, and its list of events has none that are about an account.
    """
    found = Seller.objects.get(pk=seller)
    sync_seller_account(psp_ref=found.psp_account, now=now)
    found.refresh_from_db()
    if not found.payouts_enabled:
        age_s = int((now - found.created_at).total_seconds())
        raise TryLater(reason="not paid out to yet", after_s=max(_SOONEST_S, min(_LATEST_S, age_s // 5)))


def look_after_accounts(*, now: datetime) -> int:
    """Have every seller's account asked for (a nightly task): what was allowed may have been taken back unheard.

    Returns for how many that was begun; one that is waited for already is not asked for twice.
    """
    begun = 0
    accounts = Seller.objects.exclude(psp_account="").order_by("pk")
    for seller, psp_ref, enabled in accounts.values_list("pk", "psp_account", "payouts_enabled"):
        with money_tx("sellers.look_after"):
            if enabled:
                # Named after the day: the line of a job that is done every night would grow long to look through.
                key = f"{seller}:{now:%Y-%m-%d}"
                added = enqueue(kind=SYNC_ACCOUNT, key=key, args={"psp_ref": psp_ref}, run_at=now)
            else:
                added = _watch(seller, run_at=now)
        begun += added is not None
    return begun


def sync_seller_account(*, psp_ref: str, now: datetime) -> None:
    """Take over what the provider now allows on a seller's account. Raises NotKnownYet."""
    seller = Seller.objects.filter(psp_account=psp_ref).first()
    if seller is None:
        raise NotKnownYet(what=f"the account {psp_ref}")
    outcome = provider(ACCOUNTS_PSP, about=f"seller:{seller.pk}").fetch_account(psp_ref)
    match outcome:
        case Unknown():
            raise try_later(outcome)
        case Declined():
            return
    with money_tx("sellers.sync_account"):
        Seller.objects.filter(pk=seller.pk).update(payouts_enabled=outcome.value.payouts_enabled)
        _note_bank(seller.pk, outcome.value.bank, now=now)
        if outcome.value.payouts_enabled:
            withdraw(kind=WATCH_ACCOUNT, key=seller.pk, now=now)
        else:
            _watch(seller.pk, run_at=now + _FIRST_LOOK)


def _note_bank(seller: str, bank: str, *, now: datetime) -> None:
    """Keep what bank accounts are behind an account; that they are others than before may be the work of a thief."""
    found = Seller.objects.select_for_update().get(pk=seller)
    if not bank or bank == found.bank:
        return
    # The first that is told is no change.
    changed_at = now if found.bank else found.bank_changed_at
    Seller.objects.filter(pk=seller).update(bank=bank, bank_changed_at=changed_at)
    if found.bank:
        record_audit(
            action="payments.seller.bank_changed", actor=f"psp:{ACCOUNTS_PSP}", subject=f"seller:{seller}", now=now
        )


def _watch(seller: str, *, run_at: datetime) -> int | None:
    """Have an account asked for until the provider pays out to it; None where that is under way."""
    return enqueue_again(kind=WATCH_ACCOUNT, key=seller, args={"seller": seller}, run_at=run_at)
