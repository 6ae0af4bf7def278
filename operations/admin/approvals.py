from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from operations import selectors
from operations.admin_base import WindowAdmin
from operations.admin_display import (
    Cell,
    Panel,
    audit_panel,
    code_column,
    state_column,
    subject_column,
    subject_link,
    time_column,
)
from operations.models import Approval
from operations.models.approvals import ApprovalState


@admin.register(Approval)
class ApprovalAdmin(WindowAdmin):
    """Decisions that need, or had, a second person. They are made on the page of what is decided."""

    list_display = ("kind_name", "about", "state_name", "maker", "checker", "requested", "decided")
    list_filter = (("state", ChoicesDropdownFilter), "kind")
    search_fields = ("subject__exact", "maker", "checker")
    ordering = ("-id",)
    fields = ("kind", "about", "state_name", "reason", "maker", "requested", "checker", "decided", "note", "payload")

    kind_name = code_column("kind", "Kind")
    about = subject_column()
    state_name = state_column()
    requested = time_column("requested_at", "Requested")
    decided = time_column("decided_at", "Decided")

    def panels(self, row: Any) -> Sequence[Panel]:
        """Return the subject's audit trail."""
        return [audit_panel(selectors.audit_trail(subject=row.subject))]

    def notices(self, row: Any, actor: str) -> Sequence[Cell]:
        """Say where the decision is made."""
        if row.state != ApprovalState.REQUESTED:
            return ()
        return [subject_link(row.subject), "waits for a second person, who decides on its own page."]
