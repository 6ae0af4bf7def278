"""Histories to report on: a short one that is told, and invented ones of any shape."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db import transaction
from hypothesis import strategies as st

from ledger import recipes
from ledger.entries import Entry, credit, debit
from ledger.money import Money
from ledger.selectors import trial_balance
from ledger.services import InsufficientFunds, post
from operations.edges import money_tx

FIRST = date(2026, 1, 15)


def euros(minor: int) -> Money:
    """Return an amount in euros."""
    return Money(minor, "EUR")


def noon(day: date) -> datetime:
    """Return the middle of a day."""
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def book(entry: Entry, *, on: date) -> int:
    """Post an entry at noon of a day, and return its id."""
    with money_tx("test"):
        return post(entry, actor="system:test", now=noon(on)).entry_id


def sale(charge: str, gross: Money, *, seller: str = "ann", commission: Money, value_date: date | None = None) -> Entry:
    """Return a sale, paid; its order is `ord_<charge>`."""
    sold = recipes.Sale(order=f"ord_{charge}", seller=seller, gross=gross, commission=commission)
    return recipes.payment_captured(
        psp="stripe", charge=charge, sales=[sold], subject=f"checkout:{charge}", value_date=value_date
    )


def released(charge: str, amount: Money, *, seller: str = "ann") -> Entry:
    """Return the release of a sale's money."""
    return recipes.funds_released(seller=seller, order=f"ord_{charge}", amount=amount, subject=f"checkout:{charge}")


def three_months() -> None:
    """Book three months of trade of ann and bob.

    January: ann sells for 100.00, we keep 10.00, the provider 3.20.
    February: bob sells for 50.00, we keep 5.00; ann's 90.00 are released, and 60.00 of them set aside for payout.
    March: ann is paid her 60.00; bob sells for 2,000 yen, we keep 200.
    """
    book(sale("ch_1", euros(10_000), commission=euros(1_000)), on=date(2026, 1, 15))
    fee = recipes.provider_fee_charged(psp="stripe", balance_transaction="txn_1", source="ch_1", fee=euros(320))
    book(fee, on=date(2026, 1, 20))
    book(sale("ch_2", euros(5_000), seller="bob", commission=euros(500)), on=date(2026, 2, 3))
    book(released("ch_1", euros(9_000)), on=date(2026, 2, 10))
    book(recipes.payout_reserved(seller="ann", payout="pay_1", amount=euros(6_000)), on=date(2026, 2, 11))
    paid = recipes.payout_paid(psp="stripe", payout="pay_1", transfer="tr_1", amount=euros(6_000))
    book(paid, on=date(2026, 3, 2))
    yen = sale("ch_3", Money(2_000, "JPY"), seller="bob", commission=Money(200, "JPY"))
    book(yen, on=date(2026, 3, 9))


@dataclass(frozen=True)
class Event:
    """Something that happened: what, how many days after the first, to whom, and how much."""

    kind: str
    day: int
    seller: str
    minor: int
    currency: str


EVENTS = st.builds(
    Event,
    kind=st.sampled_from(["sale", "sale", "fee", "release", "refund", "payout", "deposit", "unidentified"]),
    day=st.integers(0, 70),
    seller=st.sampled_from(["ann", "bob"]),
    minor=st.integers(2, 900),
    currency=st.sampled_from(["EUR", "JPY"]),
)
HISTORIES = st.lists(EVENTS, max_size=14)
DAYS = st.integers(-3, 75).map(lambda days: FIRST + timedelta(days=days))


def book_history(events: Sequence[Event]) -> None:
    """Book invented events in the order of their days; what a seller cannot pay for does not happen."""
    for number, event in enumerate(sorted(events, key=lambda each: each.day)):
        try:
            book(_entry(event, number), on=FIRST + timedelta(days=event.day))
        except InsufficientFunds:
            continue


def _entry(event: Event, number: int) -> Entry:
    amount, seller = Money(event.minor, event.currency), event.seller
    name = f"{event.kind}_{number}"
    match event.kind:
        case "sale":
            return sale(name, amount, seller=seller, commission=Money(event.minor // 10, event.currency))
        case "fee":
            return recipes.provider_fee_charged(psp="stripe", balance_transaction=name, source="ch", fee=amount)
        case "release":
            return released(name, amount, seller=seller)
        case "refund":
            nothing = Money(0, event.currency)
            split = recipes.RefundSplit(
                seller=seller,
                order=f"ord_{name}",
                from_pending=amount,
                from_available=nothing,
                from_receivable=amount,
                commission_back=nothing,
            )
            return recipes.refund_succeeded(psp="stripe", refund=name, amount=amount + amount, split=split)
        case "payout":
            return recipes.payout_reserved(seller=seller, payout=name, amount=amount)
        case "deposit":
            return recipes.deposit_arrived(psp="stripe", bank_account="main", payout=name, amount=amount)
    return recipes.unidentified_received(psp="stripe", reference=name, amount=amount)


@contextmanager
def forgotten() -> Iterator[None]:
    """Undo at the end whatever the block booked, so that one test can live through many histories."""
    frame = transaction.atomic()
    # The frame of a test case: business code may open its own outermost transaction within.
    frame._from_testcase = True  # type: ignore[attr-defined]
    with frame:
        yield
        transaction.set_rollback(True)


HOSTILE = (
    *(
        'say "hi" \\ back\\',
        "two\nlines\r\nand\ttab",
        "\\n is not a line end",
        "👩‍💻 naïve — ﷽",
        "\u202eevil\u202c עברית",
    ),
    *(
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "＝1＋1",
        "'=1",
        "''",
        "a;=1",
        "a,-1",
        "; comment",
        "| pipe",
        "% %41",
    ),
    *(
        "[2001-01-01]",
        "date:2001-01-01",
        " spaces ",
        "\x01\x7f\x85\u2028\u2029\ufeff",
        "a, b:c, d",
        "*!&#?",
        "^link #tag",
    ),
)
TEXTS = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\x1f"), max_size=30),
)


def told(text: str) -> Entry:
    """Return a sale whose reference, subject, description and items are all one text."""
    lines = (debit("psp:stripe:clearing", euros(100), text), credit("platform:commission", euros(100), text))
    return Entry(recipe="payment_captured", reference=text, lines=lines, subject=text, description=text)


def held(on: date | None) -> dict[tuple[str, str], str]:
    """Return what the books hold, in major units, debits positive; accounts that hold nothing are left out."""
    return {
        (found.code, found.currency): Money(found.debit_minor, found.currency).text
        for found in trial_balance(on=on)
        if found.debit_minor
    }
