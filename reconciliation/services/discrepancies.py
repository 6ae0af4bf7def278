"""What people do with a discrepancy."""

from datetime import datetime

from operations.edges import money_tx
from operations.lifecycle import move
from operations.services import record_audit
from operations.texts import require_fit
from reconciliation.models import Discrepancy


def assign_discrepancy(*, discrepancy: int, owner: str, actor: str, now: datetime) -> None:
    """Give a discrepancy to somebody. Raises IllegalTransition for one that is settled, TextRefused."""
    require_fit(owner=owner)
    with money_tx("discrepancies.assign"):
        found = Discrepancy.objects.select_for_update().get(pk=discrepancy)
        before = found.owner
        move(found, "assign", actor=actor, now=now, reason=f"to {owner}", owner=owner)
        record_audit(
            action="reconciliation.discrepancy.assigned",
            actor=actor,
            subject=f"discrepancy:{discrepancy}",
            now=now,
            **{"from": before, "to": owner},
        )


def resolve_discrepancy(*, discrepancy: int, note: str, actor: str, now: datetime) -> None:
    """Settle a discrepancy, with the reason that an auditor will read. Posts nothing by itself. Raises TextRefused."""
    require_fit(note=note)
    with money_tx("discrepancies.resolve"):
        found = Discrepancy.objects.select_for_update().get(pk=discrepancy)
        move(found, "resolve", actor=actor, now=now, reason=note, note=note)
        record_audit(
            action="reconciliation.discrepancy.resolved",
            actor=actor,
            subject=f"discrepancy:{discrepancy}",
            now=now,
            note=note,
        )
