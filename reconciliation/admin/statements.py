from typing import Any

from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter

from ledger.money import Money
from operations.admin_base import WindowAdmin
from operations.admin_display import (
    Cell,
    Panel,
    amount,
    audit_panel,
    code_column,
    columns,
    history_panel,
    list_link,
    state_column,
    state_label,
    time_column,
)
from operations.counts import format_count
from operations.selectors import audit_trail, histories
from reconciliation import selectors
from reconciliation.models import Statement
from reconciliation.states import DispositionKind


@admin.register(Statement)
class StatementAdmin(WindowAdmin):
    """What the outside world says happened, and how each of its lines ended."""

    list_display = ("interval", "provider", "state_name", "line_count", "totals_money", "imported_by", "imported")
    list_filter = (("state", ChoicesDropdownFilter), ("interval_end", RangeDateTimeFilter))
    search_fields = ("sha256__startswith", "id__exact")
    ordering = ("-interval_end", "-id")
    fields = (
        "provider",
        "format",
        "begins",
        "ends",
        "state_name",
        "line_count",
        "totals_money",
        "checksum",
        "imported_by",
        "imported",
    )

    state_name = state_column()
    begins = time_column("interval_start", "From")
    ends = time_column("interval_end", "Until, exclusive")
    imported = time_column("imported_at", "Imported")
    provider = code_column("psp", "Provider")
    checksum = code_column("sha256", "SHA-256 of the file")

    @admin.display(description="Interval", ordering="interval_end")
    def interval(self, row: Statement) -> str:
        """Return the interval that the statement covers."""
        return f"{row.interval_start:%Y-%m-%d %H:%M} – {row.interval_end:%Y-%m-%d %H:%M}"

    @admin.display(description="Control totals")
    def totals_money(self, row: Statement) -> SafeString:
        """Return the net sums that the file states."""
        totals = sorted(row.control_totals.items())
        return format_html_join(" ", "{}", ((amount(Money(minor, of).display),) for of, minor in totals))

    def panels(self, row: Any) -> list[Panel]:
        """Return the dispositions, which sum to the control totals, and the history."""
        return [
            *(_dispositions(row, currency, minor) for currency, minor in sorted(row.control_totals.items())),
            history_panel(histories(machines={"statement": [str(row.pk)]})),
            audit_panel(audit_trail(subject=f"statement:{row.pk}")),
        ]


def _dispositions(statement: Statement, currency: str, control_minor: int) -> Panel:
    phrases = dict(DispositionKind.choices)
    found = [line for line in selectors.dispositions_of(statement=statement.pk) if line.net.currency == currency]
    named = sum((line.net for line in found), start=Money(0, currency))
    remainder = Money(control_minor, currency) - named
    rows: list[tuple[Cell, ...]] = [
        (
            state_label(line.kind, phrases.get(line.kind, "")),
            phrases.get(line.kind, ""),
            list_link(
                "reconciliation_statementline",
                format_count(line.lines, "line"),
                f"?statement__id__exact={statement.pk}&disposition={line.kind}",
            ),
            amount(line.net.display),
        )
        for line in found
    ]
    if remainder.minor:
        rows.append((state_label("open"), "not looked at yet", "", amount(remainder.display)))
    return Panel(
        title=f"Dispositions, {currency}",
        columns=columns("Disposition", "Meaning", "Lines#", "Net#"),
        rows=rows,
        total=("Control total", "", "", amount(Money(control_minor, currency).display)),
    )
