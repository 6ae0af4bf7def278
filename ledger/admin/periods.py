from typing import Any

from django.contrib import admin

from ledger.models import ClosedDay, Proof
from operations import selectors
from operations.admin_base import WindowAdmin
from operations.admin_display import (
    Cell,
    Panel,
    audit_panel,
    code_column,
    columns,
    facts_text,
    state_label,
    time_column,
)


@admin.register(ClosedDay)
class ClosedDayAdmin(WindowAdmin):
    """Business days that the database has locked."""

    list_display = ("business_date", "closed_by", "closed", "entries")
    ordering = ("-business_date",)
    fields = ("business_date", "closed_by", "closed", "entries", "seal")

    closed = time_column("closed_at", "Closed")
    seal = code_column("digest", "Seal of the journal")

    def panels(self, row: Any) -> list[Panel]:
        """Return the day's audit trail."""
        return [audit_panel(selectors.audit_trail(subject=f"day:{row.pk}"))]


@admin.register(Proof)
class ProofAdmin(WindowAdmin):
    """Every run of the proof of the books, and what it found."""

    list_display = ("ran", "verdict", "entries", "found", "duration")
    list_filter = ("green",)
    ordering = ("-id",)
    fields = ("ran", "verdict", "entries", "duration")

    ran = time_column("ran_at", "Ran")

    @admin.display(description="Verdict", ordering="green")
    def verdict(self, row: Proof) -> Cell:
        """Return whether the books were proved."""
        if row.green:
            return state_label("proved", "every balance, item and seal agrees with the lines")
        return state_label("not_proved", "payouts are stopped until somebody has looked")

    @admin.display(description="Findings")
    def found(self, row: Proof) -> int:
        """Return how many things were wrong."""
        return len(row.findings)

    @admin.display(description="Took")
    def duration(self, row: Proof) -> str:
        """Return how long the proof took."""
        return f"{row.duration_ms:,} ms"

    def panels(self, row: Any) -> list[Panel]:
        """Return what the proof found."""
        findings = [(code["proof"], code["problem"], facts_text(code.get("row", {}))) for code in row.findings]
        return [
            Panel(
                title="Findings",
                columns=columns("Proof", "Problem", "Row"),
                rows=findings,
                empty="Nothing is wrong: the books are proved.",
            )
        ]
