"""How long reads take on books of a given length, from Django, through the public questions.

`python -m benchmarks.reads` prints medians in milliseconds as JSON; the database is in DATABASE_URL.
"""

import json
import os
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import django

_TIMES = 25


def main() -> None:
    """Measure and print."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from ledger.selectors import balance, trial_balance  # noqa: PLC0415 - needs the settings
    from ledger.services import verify_books  # noqa: PLC0415
    from operations import database  # noqa: PLC0415

    last = database.fetch_one("SELECT max(business_date) AS day FROM ledger_journalentry")["day"]
    middle = last - timedelta(days=37)
    noon = datetime(middle.year, middle.month, middle.day, 13, tzinfo=UTC)
    hot: dict[str, Any] = {"code": "psp:bench:clearing", "currency": "EUR"}
    cold: dict[str, Any] = {"code": "seller:h77:pending", "currency": "EUR"}
    questions: dict[str, Callable[[], object]] = {
        "primary key": lambda: database.fetch_one("SELECT id FROM ledger_account WHERE id = 77"),
        "hot, now": lambda: balance(**hot),
        "hot, on a day": lambda: balance(**hot, on=middle),
        "hot, at an instant": lambda: balance(**hot, at=noon),
        "hot, by value date": lambda: balance(**hot, effective_on=middle),
        "seller, now": lambda: balance(**cold),
        "seller, at an instant": lambda: balance(**cold, at=noon),
        "trial balance": lambda: trial_balance(),
        "trial balance, query alone": lambda: database.fetch_tuples(
            database.queries("ledger")["balances_now"], {"code": None, "currency": None}
        ),
    }
    found = {name: _median_ms(question, times=_TIMES) for name, question in questions.items()}
    # The books of 1,000 new entries are the work of a moment; a proof of everything, of all of them.
    now = datetime.now(UTC)
    found["count of the lines"] = _median_ms(
        lambda: database.fetch_one("SELECT count(*) AS lines FROM ledger_journalline"), times=3
    )
    found["full proof"] = _median_ms(lambda: _proved(verify_books(actor="system:bench", now=now)), times=1)
    for entries in (0, 1_000, 10_000):
        _trade(entries, name=f"{now.timestamp()}-{entries}")
        found[f"proof of {entries:,} new entries"] = _median_ms(
            lambda: _proved(verify_books(actor="system:bench", now=now, full=False)), times=3
        )
        _seal()
    print(json.dumps(found))


def _trade(entries: int, *, name: str) -> None:
    """Post so many sales, of a hundred sellers in turn, a hundred at once."""
    from ledger import recipes  # noqa: PLC0415
    from ledger.money import Money  # noqa: PLC0415
    from ledger.services import post_batch  # noqa: PLC0415
    from operations.edges import money_tx  # noqa: PLC0415

    for first in range(0, entries, 100):
        sales = [
            recipes.Sale(
                order=f"o-{name}-{n}", seller=f"h{1 + n % 100}", gross=Money(1000, "EUR"), commission=Money(0, "EUR")
            )
            for n in range(first, first + 100)
        ]
        made = [recipes.payment_captured(psp="bench", charge=f"c-{sale.order}", sales=[sale]) for sale in sales]
        with money_tx("bench.trade"):
            post_batch(made, actor="system:bench", now=datetime.now(UTC))


def _seal() -> None:
    """Seal what is new, and prove it: the next proof begins after it."""
    from ledger.services import seal_journal, verify_books  # noqa: PLC0415

    now = datetime.now(UTC)
    seal_journal(now=now)
    _proved(verify_books(actor="system:bench", now=now, full=False))


def _proved(verdict: Any) -> None:
    assert verdict.green, verdict.findings


def _median_ms(call: Callable[[], object], *, times: int) -> float:
    call()
    spent = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        spent.append((time.perf_counter() - started) * 1000)
    return round(statistics.median(spent), 3)


if __name__ == "__main__":
    main()
