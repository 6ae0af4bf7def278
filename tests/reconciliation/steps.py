"""Steps that several stories of reconciliation share."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from payments.models import Attempt
from reconciliation.models import Discrepancy, Disposition, Statement
from reconciliation.selectors import dispositions_of
from reconciliation.services import MatchResult, fetch_statement, import_statement, match_statement
from tests.reconciliation.files import Row, file_of, row
from tests.world import World

DAY_LATER = timedelta(days=1, minutes=1)


def charge_of(checkout_id: str) -> str:
    """Return the provider's id of a paid checkout's charge."""
    return str(Attempt.objects.get(checkout__checkout_id=checkout_id, state="succeeded").charge_ref)


def fetch(world: World, *, later: timedelta = timedelta(0)) -> Statement:
    """Let the second pass in which something happened, and fetch the statement that covers it."""
    world.provider.advance(1 + int(later.total_seconds()))
    found = fetch_statement(actor="system:test", now=timezone.now() + later + timedelta(seconds=2))
    assert found is not None
    return found


def moment(at: datetime) -> str:
    """Write a moment as the provider's files do."""
    return at.strftime("%Y-%m-%d %H:%M:%S")


def line(source: str, **changes: str) -> Row:
    """Return a file's line about a provider object, of this moment."""
    return row(source_id=source, created=moment(timezone.now()), **changes)


def take_in(*rows: Row, **changes: Any) -> Statement:
    """Import a file of these lines, which covers yesterday to tomorrow."""
    now = timezone.now()
    found = import_statement(
        **{
            "content": file_of(*rows),
            "format": "stripe_activity_csv",
            "interval_start": now - timedelta(days=1),
            "interval_end": now + timedelta(days=1),
            "actor": "system:test",
            "now": now,
            **changes,
        }
    )
    assert found is not None
    return found


def match(statement: Statement, *, later: timedelta = timedelta(0)) -> MatchResult:
    """Match a statement, now or later."""
    return match_statement(statement=statement.pk, now=timezone.now() + later)


def discrepancies() -> list[tuple[str, str]]:
    """Return every discrepancy's kind and reference."""
    return list(Discrepancy.objects.order_by("pk").values_list("kind", "reference"))


def assert_disposed(statement: Statement) -> None:
    """Every line has exactly one current disposition, and their nets sum to the control totals."""
    current = Disposition.objects.filter(line__statement=statement, current=True)
    assert current.count() == statement.line_count
    totals: dict[str, int] = {}
    for found in dispositions_of(statement=statement.pk):
        totals[found.net.currency] = totals.get(found.net.currency, 0) + found.net.minor
    assert totals == statement.control_totals
