"""The trail of who did what."""

from datetime import datetime
from typing import Any

from operations.models import AuditEntry


def record(*, action: str, actor: str, subject: str, now: datetime, **facts: Any) -> None:
    """Append one entry to the audit trail. `action` is dotted and in the past tense: payouts.batch.approved."""
    AuditEntry.objects.create(action=action, actor=actor, subject=subject, facts=facts, at=now)
