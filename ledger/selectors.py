"""The front door for questions about the books."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple

from django.db.models import Func, Sum, TextField, Value

from ledger import chart
from ledger.chart import AccountType
from ledger.exchanges import Exchange as ExchangeFacts
from ledger.models import Account, Balance, ClosedDay, Exchange, JournalEntry, JournalLine, Proof
from ledger.money import Money
from ledger.recipes import RECIPES
from operations import database

_TYPES = {str(type_): type_ for type_ in AccountType}
_tuple = tuple.__new__
# The accounts that a wallet consists of.
_PARTS = (chart.pending, chart.available, chart.reserved, chart.receivable)


class AccountBalance(NamedTuple):
    """An account and its balance: `debit_minor` is the sum of its lines, debits positive.

    A tuple, because a trial balance makes ten thousand of them.
    """

    code: str
    currency: str
    type: AccountType
    debit_minor: int

    @property
    def balance(self) -> Money:
        """Return the balance on the account's normal side."""
        return Money(self.debit_minor if self.type.debit_normal else -self.debit_minor, self.currency)


@dataclass(frozen=True, kw_only=True)
class Wallet:
    """What a seller has with us, in one currency."""

    seller: str
    currency: str
    pending: Money
    available: Money
    reserved: Money
    receivable: Money


@dataclass(frozen=True, kw_only=True)
class OpenItem:
    """Lines of one account that belong together and do not cancel out yet."""

    item: str
    debit: Money
    since: datetime
    subject: str


@dataclass(frozen=True, kw_only=True)
class AccountLine:
    """One line of an account, with the event it belongs to. `debit` is positive for debits."""

    line_id: int
    entry_id: int
    debit: Money
    item: str
    recipe: str
    reference: str
    subject: str
    recorded_at: datetime


def trial_balance(
    *,
    currency: str | None = None,
    on: date | None = None,
    at: datetime | None = None,
    effective_on: date | None = None,
) -> list[AccountBalance]:
    """Return every account with its balance. In each currency the debits sum to zero.

    Now; or `on` a business day, as the books have it; or `at` an instant, as the books said then, by recorded
    time; or `effective_on` a day, by value date. At most one of the three. Raises ValueError for more.
    """
    return _balances(code=None, currency=currency, on=on, at=at, effective_on=effective_on)


def balance(
    *,
    code: str,
    currency: str,
    on: date | None = None,
    at: datetime | None = None,
    effective_on: date | None = None,
) -> Money:
    """Return an account's balance on its normal side; zero where it was never used. Moments as in trial_balance."""
    found = _balances(code=code, currency=currency, on=on, at=at, effective_on=effective_on)
    return found[0].balance if found else Money(0, currency)


def wallet(*, seller: str, currency: str) -> Wallet:
    """Return a seller's wallet in one currency; all zero where nothing was ever booked."""
    for found in wallets(seller=seller):
        if found.currency == currency:
            return found
    nothing = Money(0, currency)
    return Wallet(
        seller=seller,
        currency=currency,
        pending=nothing,
        available=nothing,
        reserved=nothing,
        receivable=nothing,
    )


def wallets(*, seller: str | None = None) -> list[Wallet]:
    """Return every seller's wallets, or one seller's."""
    # Whole codes: in a pattern, the _ of an id would stand for any letter, and show another seller's money.
    codes = [of(seller) for of in _PARTS] if seller is not None else None
    rows = database.fetch_all(database.queries("ledger")["wallets"], {"codes": codes})
    parts: dict[tuple[str, str], dict[str, Money]] = {}
    for row in rows:
        amount = Money(int(row["balance_minor"]), row["currency"])
        parts.setdefault((row["seller"], row["currency"]), {})[row["part"]] = amount
    return [_wallet(of, currency, found) for (of, currency), found in parts.items()]


def open_items(*, code: str, currency: str) -> list[OpenItem]:
    """Return what an account's balance consists of, oldest first. The debits sum to its balance."""
    rows = database.fetch_all(database.queries("ledger")["open_items"], {"code": code, "currency": currency})
    return [
        OpenItem(
            item=row["item"],
            debit=Money(int(row["debit_minor"]), currency),
            since=row["since"],
            subject=row["subject"],
        )
        for row in rows
    ]


def lines_of_account(*, code: str, currency: str, after_id: int = 0) -> list[AccountLine]:
    """Return an account's lines after a given one, in the order in which they moved its balance."""
    rows = database.fetch_all(
        database.queries("ledger")["lines_of_account"],
        {"code": code, "currency": currency, "after_id": after_id},
    )
    return [
        AccountLine(
            line_id=row["id"],
            entry_id=row["entry_id"],
            debit=Money(int(row["amount_minor"]), currency),
            item=row["item"],
            recipe=row["recipe"],
            reference=row["reference"],
            subject=row["subject"],
            recorded_at=row["recorded_at"],
        )
        for row in rows
    ]


def pending_of_order(*, seller: str, order: str, currency: str) -> Money:
    """Return what is still pending of one payment order."""
    return _credit_of_item(chart.pending(seller), currency, order)


def reserved_of_order(*, seller: str, order: str, currency: str) -> Money:
    """Return what is still kept in reserve of one payment order."""
    return _credit_of_item(chart.reserved(seller), currency, order)


def withdrawn_for(*, dispute: str, currency: str) -> Money:
    """Return what the provider withdrew for a dispute and neither gave back nor was booked as lost."""
    return -_credit_of_item(chart.DISPUTES, currency, dispute)


def clearing_of_item(*, psp: str, item: str) -> list[Money]:
    """Return what the books have on a provider's clearing account under one of its objects, in each currency."""
    rows = database.fetch_all(database.queries("ledger")["clearing_of_item"], {"psp": psp, "item": item})
    return [Money(int(row["net_minor"]), row["currency"]) for row in rows]


def entries_about(*, subjects: list[str]) -> list[dict[str, Any]]:
    """Return the journal entries about some subjects, oldest first, each with its lines."""
    entries = JournalEntry.objects.filter(subject__in=subjects).order_by("id").prefetch_related("lines__account")
    return [_entry_facts(entry) for entry in entries]


def subjects_booked_as(*, reference: str) -> list[str]:
    """Return what the journal entries with a reference (the provider's id, or ours) are about, oldest first."""
    # Every recipe by name, because that is how entries are indexed; others there are none.
    found = JournalEntry.objects.filter(recipe__in=sorted(RECIPES), reference=reference).exclude(subject="")
    return list(found.order_by("id").values_list("subject", flat=True))


def exchange_of(*, entry_id: int) -> ExchangeFacts | None:
    """Return the three amounts, the fee and the rate of a currency exchange; None for any other entry."""
    row = Exchange.objects.filter(pk=entry_id).first()
    return row.value if row else None


def exchanges(*, since: date, until: date) -> dict[int, ExchangeFacts]:
    """Return the exchanges that were booked on some business days, both included, by entry, oldest first."""
    rows = Exchange.objects.filter(entry__business_date__range=(since, until)).order_by("pk")
    return {row.pk: row.value for row in rows}


def count_entries(*, subjects: list[str] | None = None) -> int:
    """Return how many journal entries there are, or are about some subjects."""
    entries = JournalEntry.objects.all()
    return (entries.filter(subject__in=subjects) if subjects is not None else entries).count()


def currencies() -> list[str]:
    """Return the currencies in which anything was ever booked."""
    return list(Account.objects.order_by("currency").values_list("currency", flat=True).distinct())


def business_day(*, now: datetime) -> date:
    """Return the day into which the books take what happens now: after a close, the next one."""
    closed = last_closed_day()
    return max(now.date(), closed + timedelta(days=1)) if closed else now.date()


def last_closed_day(*, by: datetime | None = None) -> date | None:
    """Return the latest closed business day; or the latest that was closed by an instant."""
    closed = ClosedDay.objects.filter(closed_at__lte=by) if by else ClosedDay.objects.all()
    day = closed.order_by("-business_date").first()
    return day.business_date if day else None


def latest_proof() -> Proof | None:
    """Return the latest verdict on the books."""
    return Proof.objects.order_by("-id").first()


def _balances(
    *,
    code: str | None,
    currency: str | None,
    on: date | None = None,
    at: datetime | None = None,
    effective_on: date | None = None,
) -> list[AccountBalance]:
    moments = [moment for moment in (on, at, effective_on) if moment is not None]
    if len(moments) > 1:
        raise ValueError("ask for one moment: on, at or effective_on")
    query = database.queries("ledger")["balances_then" if moments else "balances_now"]
    facts = {"code": code, "currency": currency, "on": on, "at": at, "value_on": effective_on}
    rows = database.fetch_tuples(query, facts)
    # A trial balance makes ten thousand of them: `AccountBalance(…)` itself costs half as much again.
    made = [_tuple(AccountBalance, (code, of, _TYPES[type_], debit)) for code, of, type_, debit in rows]
    made.sort()
    made.sort(key=itemgetter(1))
    return made


@dataclass(frozen=True, kw_only=True)
class DayTotal:
    """What one kind of event booked on one kind of account, on one business day."""

    business_date: date
    total: Money


def wallets_of(*, sellers: list[str]) -> dict[str, list[Wallet]]:
    """Return the wallets of some sellers, by seller; a seller with nothing booked is left out."""
    codes = [of(seller) for seller in sellers for of in _PARTS]
    amounts: dict[tuple[str, str], dict[str, Money]] = {}
    for row in Balance.objects.filter(account__code__in=codes).select_related("account"):
        _, seller, part = row.account.code.split(":")
        amounts.setdefault((seller, row.account.currency), {})[part] = Money(row.balance_minor, row.account.currency)
    found: dict[str, list[Wallet]] = {}
    for (seller, currency), parts in sorted(amounts.items()):
        found.setdefault(seller, []).append(_wallet(seller, currency, parts))
    return found


def wallet_totals() -> list[Wallet]:
    """Return what all sellers together have with us, one wallet per currency, of the seller "all"."""
    rows = (
        Balance.objects.annotate(
            part=Func("account__code", Value(":"), Value(3), function="split_part", output_field=TextField())
        )
        .values_list("account__currency", "part")
        .annotate(total=Sum("balance_minor"))
    )
    amounts: dict[str, dict[str, Money]] = {}
    for currency, part, total in rows:
        amounts.setdefault(currency, {})[part] = Money(int(total), currency)
    return [_wallet("all", currency, parts) for currency, parts in sorted(amounts.items())]


def latest_lines(*, code: str, currency: str, limit: int) -> list[AccountLine]:
    """Return an account's newest lines, newest first."""
    lines = JournalLine.objects.filter(account__code=code, currency=currency).select_related("entry")
    return [
        AccountLine(
            line_id=line.pk,
            entry_id=line.entry_id,
            debit=line.amount,
            item=line.item,
            recipe=line.entry.recipe,
            reference=line.entry.reference,
            subject=line.entry.subject,
            recorded_at=line.entry.recorded_at,
        )
        for line in lines.order_by("-id")[:limit]
    ]


def booked_by_day(*, recipe: str, account: str, since: date) -> list[DayTotal]:
    """Return what a kind of event moved on the accounts of a template, by day and currency, debits positive.

    `account` is the code of one account, or a template of the chart in which `{…}` stands for anything.
    """
    pattern = "^" + re.sub(r"\{\w+\}", "[^:]+", account) + "$"
    lines = JournalLine.objects.filter(entry__recipe=recipe, entry__business_date__gte=since)
    rows = (
        lines.filter(account__code__regex=pattern)
        .values_list("entry__business_date", "currency")
        .annotate(total=Sum("amount_minor"))
        .order_by("currency", "entry__business_date")
    )
    return [DayTotal(business_date=day, total=Money(int(total), currency)) for day, currency, total in rows]


def balances_of(*, code: str) -> list[Money]:
    """Return an account's balance on its normal side in each currency in which it was used."""
    return [found.balance for found in _balances(code=code, currency=None)]


def provider_balances() -> list[AccountBalance]:
    """Return what each provider holds for us."""
    codes = Account.objects.filter(code__startswith="psp:", code__endswith=":clearing")
    return [
        found
        for code in sorted(set(codes.values_list("code", flat=True)))
        for found in _balances(code=code, currency=None)
    ]


def providers_in_the_books() -> list[str]:
    """Return the providers that hold, or once held, money for us: those that have a clearing account."""
    codes = Account.objects.filter(code__startswith="psp:", code__endswith=":clearing").values_list("code", flat=True)
    return sorted({code.split(":")[1] for code in codes})


def _credit_of_item(code: str, currency: str, item: str) -> Money:
    row = database.fetch_one(
        database.queries("ledger")["credit_of_item"], {"code": code, "currency": currency, "item": item}
    )
    return Money(int(row["credit_minor"]), currency)


def _wallet(seller: str, currency: str, parts: dict[str, Money]) -> Wallet:
    nothing = Money(0, currency)
    return Wallet(
        seller=seller,
        currency=currency,
        pending=parts.get("pending", nothing),
        available=parts.get("available", nothing),
        reserved=parts.get("reserved", nothing),
        receivable=parts.get("receivable", nothing),
    )


def _entry_facts(entry: JournalEntry) -> dict[str, Any]:
    lines = sorted(entry.lines.all(), key=lambda line: line.position)
    return {
        "id": entry.pk,
        "recipe": entry.recipe,
        "reference": entry.reference,
        "subject": entry.subject,
        "recorded_at": entry.recorded_at,
        "lines": [{"account": line.account.code, "amount": line.amount, "item": line.item} for line in lines],
    }
