"""Evidence: kept, sent once, and in time."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from operations import failpoints
from operations.models import IdempotencyKey
from operations.services import forget_keys
from payments.models import Dispute, DisputeEvidence, Seller
from tests.api.problems import assert_problem
from tests.payments.dispute_steps import TEXTS, days, decide, hand_in, open_dispute, told
from tests.payments.faults import DONE, UNCLEAR, rule
from tests.snapshot import nothing_changes
from tests.world import World


class TestEvidence:
    def test_is_handed_to_the_bank_as_it_was_written(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)

        answer = hand_in(world, dispute)
        world.settle()

        assert (answer.status_code, answer.json()["status"]) == (202, "requested")
        shown = world.shop.get(f"/v1/disputes/{dispute.pk}").json()
        assert (shown["status"], shown["wants_evidence"]) == ("under_review", False)
        assert [(each["status"], each["evidence"]) for each in shown["evidence"]] == [("accepted", TEXTS)]
        assert told() == ["dispute.opened", "dispute.updated"]

    def test_may_wait_at_the_provider_for_more(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)

        hand_in(world, dispute, final=False)
        world.settle()
        hand_in(world, dispute, key="e2", evidence={"service_date": "2026-03-14"})
        world.settle()

        assert Dispute.objects.get().state == "under_review"
        assert set(DisputeEvidence.objects.values_list("state", flat=True)) == {"accepted"}

    @pytest.mark.parametrize("fault", UNCLEAR)
    def test_gets_there_once_however_the_answer_was_lost(self, world: World, sold: Seller, fault: str) -> None:
        dispute = open_dispute(world)
        world.provider.plan([rule("dispute.update", fault)])
        hand_in(world, dispute)

        world.work()
        assert DisputeEvidence.objects.get().state == "unknown"
        world.work(later=days(0) + days(1) / 1440)
        world.settle()

        assert (DisputeEvidence.objects.get().state, Dispute.objects.get().state) == ("accepted", "under_review")

    @pytest.mark.parametrize("fault", DONE)
    def test_that_was_done_is_not_sent_again(self, world: World, sold: Seller, fault: str) -> None:
        dispute = open_dispute(world)
        world.provider.plan([rule("dispute.update", fault)])
        hand_in(world, dispute)
        world.work()
        sent = len(world.provider.calls())

        world.work(later=days(1))

        assert [call for call in world.provider.calls()[sent:] if call["method"] == "POST"] == []
        assert DisputeEvidence.objects.get().state == "accepted"

    def test_survives_a_crash_between_the_beats(
        self, world: World, sold: Seller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        dispute = open_dispute(world)
        hand_in(world, dispute)
        failpoints.reset()
        monkeypatch.setenv("COUNTERFOIL_FAILPOINTS", "psp.call:dispute.submit:after_response=raise")
        world.work()
        assert DisputeEvidence.objects.get().state == "sending"

        world.work(later=days(0) + days(1) / 1440)

        assert DisputeEvidence.objects.get().state == "accepted"

    def test_is_the_same_under_the_same_key(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)

        first, again = hand_in(world, dispute), hand_in(world, dispute)

        assert first.json()["id"] == again.json()["id"]
        assert DisputeEvidence.objects.count() == 1

    def test_is_answered_under_the_same_key_as_the_first_time(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)
        first = hand_in(world, dispute)
        world.settle()

        again = hand_in(world, dispute)

        assert (again.status_code, again.json(), again["Idempotent-Replayed"]) == (202, first.json(), "true")
        assert DisputeEvidence.objects.get().state == "accepted" != first.json()["status"]

    def test_has_a_key_that_is_forgotten_in_time(self, world: World, sold: Seller) -> None:
        hand_in(world, open_dispute(world))

        forget_keys(now=timezone.now() + timedelta(days=2))

        assert not IdempotencyKey.objects.filter(key="e1").exists()

    def test_waits_for_what_is_under_way(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)
        hand_in(world, dispute)

        assert_problem(hand_in(world, dispute, key="e2"), 409, "evidence_under_way")

    def test_is_taken_again_in_a_second_round(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)
        hand_in(world, dispute)
        world.settle()
        decide(world, dispute, won=True)
        world.provider.reopen_dispute(dispute.psp_ref)
        world.settle()

        assert hand_in(world, dispute, key="e2").status_code == 202
        world.settle()

        assert Dispute.objects.get().state == "appeal_under_review"

    def test_is_not_taken_once_the_dispute_is_decided(self, world: World, sold: Seller) -> None:
        dispute = decide(world, open_dispute(world), won=True)

        with nothing_changes():
            assert_problem(hand_in(world, dispute), 409, "evidence_not_wanted")

    @pytest.mark.bad_input("B35")
    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"evidence": {}}, "evidence"),
            ({"evidence": {"receipt": "file_1"}}, "evidence.receipt"),
            ({"evidence": {"customer_name": 5}}, "evidence.customer_name"),
            ({"evidence": {"customer_name": "4242 4242 4242 4242"}}, "evidence.customer_name"),
            ({"evidence": {"customer_name": "x" * 20_001}}, "evidence.customer_name"),
            ({"final": "yes"}, "final"),
            ({"won": True}, "won"),
        ],
    )
    def test_that_is_wrong_is_refused_by_the_name_of_its_field(
        self, world: World, sold: Seller, body: dict[str, Any], field: str
    ) -> None:
        dispute = open_dispute(world)

        with nothing_changes():
            answer = hand_in(world, dispute, **body)

        assert answer.status_code == 422
        assert field in [error["field"] for error in answer.json()["errors"]]

    def test_that_is_too_long_together_is_refused(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)
        names = ("access_activity_log", "billing_address", "cancellation_rebuttal", "customer_name")
        more = ("product_description", "refund_policy_disclosure", "shipping_address", "uncategorized_text")

        answer = hand_in(world, dispute, evidence=dict.fromkeys((*names, *more), "x" * 20_000))

        assert_problem(answer, 422, "evidence_too_long", field="evidence")


class TestTheDeadline:
    def test_is_warned_of_once_while_nothing_was_handed_in(self, world: World, sold: Seller) -> None:
        open_dispute(world)
        world.work(later=days(5))
        assert told() == ["dispute.opened"]

        world.work(later=days(8))
        world.work(later=days(9))

        assert told() == ["dispute.opened", "dispute.evidence_due"]
        assert Dispute.objects.get().warned_at is not None

    def test_is_not_warned_of_once_evidence_was_handed_in(self, world: World, sold: Seller) -> None:
        hand_in(world, open_dispute(world))
        world.settle()

        world.work(later=days(8))

        assert "dispute.evidence_due" not in told()
