"""Mutants: our own care, weakened in one way, and the cell of the matrix that must notice.

CAUGHT_BY is the table; below it stands how each mutant is made.
"""

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from operations.jobs import worker
from payments.gateway import Declined, Unknown
from payments.gateway.stripe_adapter import StripeGateway

Weakening = Callable[[pytest.MonkeyPatch], None]

CAUGHT_BY = {
    "a refund's key is drawn anew for each try": (
        "refund/money_tx:refunds.request:after_commit/first/cut-after,-unlisted/none"
    ),
    "a page's key is drawn anew for each try": (
        "sale/money_tx:sellers.register:after_commit/first/cut-after,-unlisted/ok"
    ),
    "an unknown refund counts as failed": "refund/money_tx:refunds.claim:after_commit/first/cut-after/none",
    "unknown evidence counts as refused": "evidence/money_tx:evidence.claim:after_commit/first/garbage/none",
    "an unknown capture counts as refused": "capture/psp.call:payment.capture:before_send/first/500-before/none",
    "a job that failed counts as done": "refund/money_tx:refunds.claim:after_commit/first/429/none",
    "a worker that is killed counts its job as failed": "refund/psp.call:refund.create:after_response/first/well/ok",
}
# What the cell says instead of passing.
SAYS = {
    "a refund's key is drawn anew for each try": r"one more item: \(4000, 'succeeded'\)",
    "a page's key is drawn anew for each try": r"\['open', 'complete'\]|\['complete', 'open'\]",
    "an unknown refund counts as failed": r"\[\('failed', 4000\)\]",
    "unknown evidence counts as refused": r"\[\('refused', True\)\]",
    "an unknown capture counts as refused": "'requires_capture'|'failed'",
    "a job that failed counts as done": r"assert \[\] ==|\[\('sending', 4000\)\]",
    "a worker that is killed counts its job as failed": r"\['a new connection'\] == \[\]",
}


def anew(verb: str) -> Weakening:
    """Return the weakening by which a call has another key each time that it is made."""

    def weaken(monkeypatch: pytest.MonkeyPatch) -> None:
        right = getattr(StripeGateway, verb)
        monkeypatch.setattr(
            StripeGateway, verb, lambda self, request, *, key: right(self, request, key=f"{key}:{secrets.token_hex(4)}")
        )

    return weaken


def refused(verb: str) -> Weakening:
    """Return the weakening by which a call that nobody answered was refused."""

    def weaken(monkeypatch: pytest.MonkeyPatch) -> None:
        right = getattr(StripeGateway, verb)

        def concluded(self: StripeGateway, request: Any, *, key: str) -> Any:
            outcome = right(self, request, key=key)
            return Declined(code="no_answer", message=outcome.reason) if isinstance(outcome, Unknown) else outcome

        monkeypatch.setattr(StripeGateway, verb, concluded)

    return weaken


def failed_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settle a job whatever came of it."""
    monkeypatch.setattr(
        worker, "_failed", lambda job, *, policy, error, now: worker._settle(job, state="done", finished_at=now)
    )


def outlived(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take whatever ends a job's work for an error of it, also what no process survives."""
    right = worker._run

    def work(job: dict[str, Any], *, now: datetime) -> None:
        try:
            right(job, now=now)
        except Exception:
            raise
        except BaseException as error:
            raise RuntimeError("killed") from error

    monkeypatch.setattr(worker, "_run", work)


WEAKENED: dict[str, Weakening] = {
    "a refund's key is drawn anew for each try": anew("create_refund"),
    "a page's key is drawn anew for each try": anew("register_checkout"),
    "an unknown refund counts as failed": refused("create_refund"),
    "unknown evidence counts as refused": refused("submit_evidence"),
    "an unknown capture counts as refused": refused("capture_payment"),
    "a job that failed counts as done": failed_is_done,
    "a worker that is killed counts its job as failed": outlived,
}
