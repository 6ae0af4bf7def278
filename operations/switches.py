"""Stop switches: brakes that hold money where it is."""

from datetime import datetime

from operations import audit
from operations.errors import DomainError
from operations.models import StopSwitch
from operations.prepared import ask_prepared, prepared
from operations.texts import require_fit

PAYOUTS = "payouts"
REFUNDS = "refunds"
CHECKOUT = "checkout"


class Stopped(DomainError):
    """The stop switch {name!r} is on: {reason}"""

    code = "stopped"
    retryable = True


def stop(*, name: str, reason: str, actor: str, now: datetime) -> None:
    """Pull a stop switch. Raises TextRefused."""
    _set(name=name, stopped=True, reason=reason, actor=actor, now=now)


def release(*, name: str, reason: str, actor: str, now: datetime) -> None:
    """Let a stop switch go. Raises TextRefused."""
    _set(name=name, stopped=False, reason=reason, actor=actor, now=now)


def require_running(name: str) -> None:  # tidy: one argument, and it reads as a sentence
    """Raise Stopped while the switch is on."""
    statement = prepared("operations", "pulled_switch")
    for (reason,) in ask_prepared(statement, [name]):
        raise Stopped(name=name, reason=reason)


def _set(*, name: str, stopped: bool, reason: str, actor: str, now: datetime) -> None:
    require_fit(reason=reason)
    StopSwitch.objects.update_or_create(
        name=name, defaults={"stopped": stopped, "reason": reason, "changed_by": actor, "changed_at": now}
    )
    audit.record(
        action=f"operations.switch.{'stopped' if stopped else 'released'}",
        actor=actor,
        subject=f"switch:{name}",
        now=now,
        reason=reason,
    )
