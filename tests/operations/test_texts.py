"""Reasons and notes: whichever way they come, what must not be kept is refused by the name of its field."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from ledger.services import withdraw_journal
from operations.services import (
    close_task,
    discard_job,
    grant_approval,
    pull_switch,
    reject_approval,
    release_switch,
    replay_job,
)
from operations.texts import TextRefused, problem_of
from payments.services import agree_on_disputes, replay_event, resend_delivery
from payouts.services import propose_batch
from reconciliation.services import assign_discrepancy, resolve_discrepancy
from tests.snapshot import nothing_changes

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
WHO: dict[str, Any] = {"actor": "user:anna", "now": NOW}
DECIDES: dict[str, Any] = {"checker": "user:anna", "now": NOW}
# Every verb that takes a person's words, with the words' name.
VERBS: dict[str, tuple[Callable[..., object], str]] = {
    "replay a job": (partial(replay_job, job_id=1, **WHO), "reason"),
    "discard a job": (partial(discard_job, job_id=1, **WHO), "reason"),
    "close a task": (partial(close_task, task_id=1, **WHO), "note"),
    "pull a switch": (partial(pull_switch, name="payouts", **WHO), "reason"),
    "release a switch": (partial(release_switch, name="payouts", **WHO), "reason"),
    "grant an approval": (partial(grant_approval, approval_id=1, **DECIDES), "note"),
    "reject an approval": (partial(reject_approval, approval_id=1, **DECIDES), "note"),
    "replay an event": (partial(replay_event, webhook=1, **WHO), "reason"),
    "agree on disputes": (partial(agree_on_disputes, seller="sel_1", borne_by="", **WHO), "reason"),
    "resend a delivery": (partial(resend_delivery, delivery="dlv_1", **WHO), "reason"),
    "propose a batch": (partial(propose_batch, currency="EUR", **WHO), "reason"),
    "resolve a discrepancy": (partial(resolve_discrepancy, discrepancy=1, **WHO), "note"),
    "assign a discrepancy": (partial(assign_discrepancy, discrepancy=1, **WHO), "owner"),
    "withdraw a journal": (partial(withdraw_journal, journal_id="jrn_1", **WHO), "reason"),
}


class TestAReason:
    @pytest.mark.django_db
    @pytest.mark.bad_input("B35")
    @pytest.mark.parametrize("verb", VERBS)
    def test_is_refused_with_a_card_number(self, verb: str) -> None:
        act, field = VERBS[verb]

        with nothing_changes(), pytest.raises(TextRefused, match=f"The {field} looks like a card number") as refused:
            act(**{field: "paid with 4242 4242 4242 4242"})

        assert "4242" not in str(refused.value)

    @pytest.mark.django_db
    @pytest.mark.bad_input("B24", "B25")
    @pytest.mark.parametrize("text", ["a\x1b[31m", "a\x00", "a\x7f", "a\x85b", "a\u2028b", "a\u2029b", "a\ud800"])
    def test_is_refused_with_a_control_character(self, text: str) -> None:
        with nothing_changes(), pytest.raises(TextRefused, match="The reason holds a control character"):
            pull_switch(name="payouts", reason=text, **WHO)

    def test_may_have_several_lines_and_whatever_people_write(self) -> None:
        assert problem_of("the bank's letter of 14.03.2026:\r\n\t“refunded” 🦄", lines=True) == ""

    def test_has_one_line_where_only_one_is_kept(self) -> None:
        assert problem_of("one\ntwo") == "holds a control character"
