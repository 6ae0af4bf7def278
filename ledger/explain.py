"""Any balance, explained: what it consists of, since when, and which entries made it so.

Where lines settle each other under an item (the provider's object, the payment order, the payout), the balance
consists of the items that are still open. A payout, though, or a deposit, settles many sales at once and bears an
item of its own: where money is pooled like that, what such items take out is taken from the oldest items first;
elsewhere an item on the other side is a mistake, and shown. Where lines never settle each other
(income, expenses, taxes), the balance is explained by kind of event and month. Either way the parts sum
to the balance exactly, and the explanation says so.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from ledger import chart, selectors
from ledger.chart import AccountType
from ledger.money import Money
from ledger.reports import Period
from operations import database
from operations.edges import snapshot


@dataclass(frozen=True, kw_only=True)
class MovingEntry:
    """A journal entry that moved an item, and by how much, on the account's normal side."""

    entry_id: int
    recipe: str
    reference: str
    business_date: date
    recorded_at: datetime
    amount: Money


@dataclass(frozen=True, kw_only=True)
class ExplainedItem:
    """An open item: `amount` of it is in the balance, of `net` that its own entries left."""

    item: str
    subject: str
    since: datetime
    age: timedelta
    net: Money
    amount: Money
    entries: tuple[MovingEntry, ...]


@dataclass(frozen=True, kw_only=True)
class ExplainedMonth:
    """What one kind of event moved in one month, on the account's normal side."""

    month: date
    recipe: str
    entries: int
    amount: Money


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A balance and its parts: either items, oldest first, or months.

    `more_items` items beyond those shown hold `more`. `taken_items` items on the other side of the balance took
    `taken` (negative) from the oldest; with `oldest_first` false, as where money is not pooled, they stand among the
    items.
    """

    code: str
    currency: str
    type: AccountType
    purpose: str
    item_is: str
    at: datetime
    oldest_first: bool
    balance: Money
    items: tuple[ExplainedItem, ...] = ()
    more_items: int = 0
    more: Money
    taken_items: int = 0
    taken: Money
    months: tuple[ExplainedMonth, ...] = ()

    @property
    def explained(self) -> Money:
        """Return the sum of the parts."""
        parts = [item.amount for item in self.items] + [month.amount for month in self.months]
        return sum(parts, start=self.more)

    @property
    def remainder(self) -> Money:
        """Return the balance less its parts: zero, or the books are broken."""
        return self.balance - self.explained


def explain_balance(
    *, code: str, currency: str, now: datetime, limit: int | None = None, oldest_first: bool = True
) -> Explanation:
    """Explain an account's balance as it is now, by its `limit` oldest open items or by its months.

    Without `oldest_first`, and where money is not pooled, every item stands as its own entries left it, on either
    side. Raises UnknownAccount, UnknownCurrency.
    """
    template = chart.template_of(code)
    oldest_first = oldest_first and template.pooled
    facts = {"code": code, "currency": currency, **Period().bounds}
    nothing = Money(0, currency)
    with snapshot():
        held = selectors.balance(code=code, currency=currency)
        found: dict[str, Any] = {"more": nothing, "taken": nothing}
        if template.item:
            found |= _items(facts, template.type, now=now, limit=limit, oldest_first=oldest_first)
        else:
            found["months"] = _months(facts, template.type)
    return Explanation(
        code=code,
        currency=currency,
        type=template.type,
        purpose=template.purpose,
        item_is=template.item,
        at=now,
        oldest_first=oldest_first,
        balance=held,
        **found,
    )


def as_json(explanation: Explanation) -> dict[str, Any]:
    """Return an explanation as plain values; amounts are decimals as text, with minor units beside them."""
    return {
        "account": explanation.code,
        "currency": explanation.currency,
        "type": explanation.type.value,
        "purpose": explanation.purpose,
        "item_is": explanation.item_is,
        "at": explanation.at.isoformat(),
        "oldest_first": explanation.oldest_first,
        **_amounts("balance", explanation.balance),
        "items": [
            {
                "item": item.item,
                "subject": item.subject,
                "since": item.since.isoformat(),
                "age_days": item.age.days,
                **_amounts("amount", item.amount),
                **_amounts("net", item.net),
                "entries": [_entry_json(entry) for entry in item.entries],
            }
            for item in explanation.items
        ],
        "more_items": explanation.more_items,
        **_amounts("more", explanation.more),
        "taken_items": explanation.taken_items,
        **_amounts("taken", explanation.taken),
        "months": [
            {
                "month": f"{month.month:%Y-%m}",
                "recipe": month.recipe,
                "entries": month.entries,
                **_amounts("amount", month.amount),
            }
            for month in explanation.months
        ],
        **_amounts("explained", explanation.explained),
        **_amounts("remainder", explanation.remainder),
    }


def _entry_json(entry: MovingEntry) -> dict[str, Any]:
    return {
        "entry": entry.entry_id,
        "recipe": entry.recipe,
        "reference": entry.reference,
        "business_date": entry.business_date.isoformat(),
        "recorded_at": entry.recorded_at.isoformat(),
        **_amounts("amount", entry.amount),
    }


def _amounts(name: str, amount: Money) -> dict[str, str | int]:
    return {name: amount.text, f"{name}_minor": amount.minor}


def _items(
    facts: dict[str, Any], kind: AccountType, *, now: datetime, limit: int | None, oldest_first: bool
) -> dict[str, Any]:
    sql = database.queries("ledger", "reports.sql")
    currency = facts["currency"]
    # One is asked for even where none is shown: each row also tells the sum of them all.
    asked = None if limit is None else max(limit, 1)
    rows = database.fetch_all(sql["explain_items"], {**facts, "limit": asked, "oldest_first": oldest_first})
    whole = _on_normal_side(rows[0]["total_minor"] if rows else 0, currency, kind)
    count = rows[0]["items"] if rows else 0
    rows = rows[:limit]
    entries = _entries(facts, kind, [row["item"] for row in rows])
    items = tuple(
        ExplainedItem(
            item=row["item"],
            subject=row["subject"],
            since=row["since"],
            age=now - row["since"],
            net=_on_normal_side(row["net_minor"], currency, kind),
            amount=_on_normal_side(row["left_minor"], currency, kind),
            entries=tuple(entries.get(row["item"], ())),
        )
        for row in rows
    )
    shown = sum((item.amount for item in items), start=Money(0, currency))
    found = {"items": items, "more_items": count - len(rows), "more": whole - shown}
    if oldest_first:
        taken = database.fetch_one(sql["explain_taken"], facts)
        found |= {
            "taken_items": taken["items"],
            "taken": _on_normal_side(taken["taken_minor"], currency, kind),
        }
    return found


def _entries(facts: dict[str, Any], kind: AccountType, items: list[str]) -> dict[str, list[MovingEntry]]:
    """Return the entries that moved some items of an account, oldest first, by item."""
    found: dict[str, list[MovingEntry]] = {}
    for row in database.fetch_all(
        database.queries("ledger", "reports.sql")["explain_entries"], {**facts, "items": items}
    ):
        found.setdefault(row["item"], []).append(
            MovingEntry(
                entry_id=row["entry_id"],
                recipe=row["recipe"],
                reference=row["reference"],
                business_date=row["business_date"],
                recorded_at=row["recorded_at"],
                amount=_on_normal_side(row["amount_minor"], facts["currency"], kind),
            )
        )
    return found


def _months(facts: dict[str, Any], kind: AccountType) -> tuple[ExplainedMonth, ...]:
    rows = database.fetch_all(database.queries("ledger", "reports.sql")["explain_months"], facts)
    return tuple(
        ExplainedMonth(
            month=row["month"],
            recipe=row["recipe"],
            entries=row["entries"],
            amount=_on_normal_side(row["debit_minor"], facts["currency"], kind),
        )
        for row in rows
    )


def _on_normal_side(debit_minor: int, currency: str, kind: AccountType) -> Money:
    return Money(int(debit_minor) if kind.debit_normal else -int(debit_minor), currency)
