from django.contrib import admin
from unfold.contrib.filters.admin import RangeDateTimeFilter

from operations.admin_base import WindowAdmin
from operations.admin_display import Cell, code_column, facts_text, state_label, subject_column, time_column, words
from operations.models import AuditEntry, StateChange


@admin.register(AuditEntry)
class AuditEntryAdmin(WindowAdmin):
    """Who did what to which object."""

    list_display = ("when", "action_name", "about", "actor", "told")
    list_display_links = ("when",)
    list_filter = (("at", RangeDateTimeFilter),)
    search_fields = ("subject__exact", "actor", "action__startswith")
    ordering = ("-id",)
    fields = ("when", "action_name", "about", "actor", "facts")

    when = time_column("at", "When")
    action_name = code_column("action", "Action")
    about = subject_column()

    @admin.display(description="Facts")
    def told(self, row: AuditEntry) -> str:
        """Return the facts on one line."""
        return facts_text(row.facts)[:120]


@admin.register(StateChange)
class StateChangeAdmin(WindowAdmin):
    """Every move of every state machine."""

    list_display = ("when", "machine_name", "subject_name", "before", "after", "actor", "reason")
    list_display_links = ("when",)
    list_filter = ("machine", ("at", RangeDateTimeFilter))
    search_fields = ("subject_id__exact", "actor")
    ordering = ("-id",)
    fields = ("when", "machine_name", "subject_name", "event", "before", "after", "actor", "reason")

    when = time_column("at", "When")
    subject_name = code_column("subject_id", "Row")

    @admin.display(description="Machine", ordering="machine")
    def machine_name(self, row: StateChange) -> str:
        """Return which machine moved."""
        return words(row.machine)

    @admin.display(description="From")
    def before(self, row: StateChange) -> Cell:
        """Return the state that was left."""
        return state_label(row.from_state)

    @admin.display(description="To")
    def after(self, row: StateChange) -> Cell:
        """Return the state that was reached."""
        return state_label(row.to_state)
