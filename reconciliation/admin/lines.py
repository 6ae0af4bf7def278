from typing import Any

from django.contrib import admin
from django.db.models import CharField, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.safestring import SafeString

from ledger.selectors import currencies
from operations.admin_base import WindowAdmin, choice_filter, currency_filter
from operations.admin_display import (
    NOTHING,
    Cell,
    Panel,
    code_column,
    columns,
    moment,
    money_column,
    page_link,
    state_label,
    time_column,
)
from reconciliation.models import Disposition, StatementLine
from reconciliation.states import DispositionKind


@admin.register(StatementLine)
class StatementLineAdmin(WindowAdmin):
    """The movements on the provider's side of our balance, one by one."""

    list_display = (
        "transaction",
        "source",
        "category",
        "disposition_name",
        "gross_money",
        "fee_money",
        "net_money",
        "created",
        "statement_link",
    )
    list_filter = (
        choice_filter("disposition", "disposition", lambda: [(kind.value, kind.label) for kind in DispositionKind]),
        currency_filter(currencies),
    )
    search_fields = ("source_ref__exact", "transaction_ref__exact")
    search_help_text = "The provider's id of a charge, refund, transfer or balance transaction."
    ordering = ("-id",)
    fields = (
        "transaction",
        "source",
        "category",
        "disposition_name",
        "gross_money",
        "fee_money",
        "net_money",
        "created",
        "available",
        "description",
        "statement_link",
        "line_no",
    )

    transaction = code_column("transaction_ref", "Transaction")
    source = code_column("source_ref", "Object")
    gross_money = money_column("gross", "Gross")
    fee_money = money_column("fee", "Fee")
    net_money = money_column("net", "Net")
    created = time_column("created_at", "Created")
    available = time_column("available_on", "Available on")

    def get_queryset(self, request: HttpRequest) -> QuerySet[StatementLine]:
        """Add each line's current disposition."""
        current = Disposition.objects.filter(line=OuterRef("pk"), current=True).values("kind")[:1]
        rows: QuerySet[StatementLine] = super().get_queryset(request)
        return rows.annotate(disposition=Subquery(current, output_field=CharField()))

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Let a statement's page link to its lines."""
        return lookup in ("statement__id__exact", "disposition") or bool(super().lookup_allowed(lookup, value, request))

    @admin.display(description="Disposition", ordering="disposition")
    def disposition_name(self, row: Any) -> Cell:
        """Return where the line ended."""
        phrases = dict(DispositionKind.choices)
        return state_label(row.disposition, phrases.get(row.disposition, "")) if row.disposition else NOTHING

    @admin.display(description="Statement", ordering="statement")
    def statement_link(self, row: StatementLine) -> SafeString:
        """Return the statement that the line stands on."""
        return page_link("reconciliation_statement", row.statement_id, f"No. {row.statement_id}")

    def panels(self, row: Any) -> list[Panel]:
        """Return every disposition that the line had, and its discrepancies."""
        return [
            Panel(
                title="Dispositions",
                columns=columns("Disposition", "Rule", "Current", "Decided"),
                rows=[
                    (
                        state_label(one.kind, one.get_kind_display()),
                        one.rule,
                        "yes" if one.current else "no",
                        moment(one.decided_at),
                    )
                    for one in row.dispositions.order_by("-id")
                ],
            ),
            Panel(
                title="Discrepancies",
                columns=columns("Discrepancy", "State", "Owner"),
                rows=[
                    (
                        page_link("reconciliation_discrepancy", one.pk, str(one)),
                        state_label(one.state, one.get_state_display()),
                        one.owner or NOTHING,
                    )
                    for one in row.discrepancies.order_by("-id")
                ],
                empty="None.",
            ),
        ]
