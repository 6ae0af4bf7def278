"""Disputes: withdrawn is not lost, each movement is booked once, and somebody bears what is lost."""

from typing import Any

import pytest
from django.utils import timezone

from ledger.selectors import balance, count_entries, wallet
from ledger.services import verify_books
from operations import failpoints
from operations.models import Job, Storefront
from operations.selectors import history
from payments.models import Dispute, DisputeEvidence, Refund, Seller, StorefrontEvent
from payouts.services import NothingToPayOut
from tests.api.problems import assert_problem
from tests.database.attacks import attack
from tests.ledger_text import assert_balances
from tests.payments.dispute_steps import TEXTS, charge_of, days, decide, hand_in, open_dispute, pay_ann_out
from tests.payments.faults import DONE, UNCLEAR, rule
from tests.payments.test_refunds import refund
from tests.snapshot import nothing_changes
from tests.world import World


@pytest.fixture
def sold(world: World, ann: Seller) -> Seller:
    """Bea bought ann's chair for 100.00."""
    world.sell("cart-1", {"ann": "100.00"})
    return ann


@pytest.fixture
def listening(world: World) -> None:
    """The shop has an address for messages."""
    shop = Storefront.objects.filter(slug=world.shop.slug)
    shop.update(event_url="http://127.0.0.1:1/hooks", event_secret="whsec_eA==")


def told() -> list[str]:
    """Return what the shop would be told of disputes, by type."""
    rows = StorefrontEvent.objects.filter(type__startswith="dispute.").order_by("pk")
    return list(rows.values_list("type", flat=True))


def events_of(dispute: Dispute) -> list[str]:
    """Return the moves of a dispute."""
    return [move.event for move in history(machine="dispute", subject_id=dispute.pk)]


def owed(seller: Seller) -> tuple[str, str, str]:
    """Return what a seller has pending and available, and owes."""
    found = wallet(seller=seller.id, currency="EUR")
    return found.pending.text, found.available.text, found.receivable.text


def green() -> bool:
    """Tell whether the books are proved."""
    return verify_books(actor="system:test", now=timezone.now()).green


class TestAnOpenDispute:
    def test_is_withdrawn_and_not_lost(self, world: World, sold: Seller, listening: None) -> None:
        dispute = open_dispute(world)

        assert (dispute.state, dispute.withdrawn.text, dispute.fee.text) == ("needs_response", "100.00", "20.00")
        assert told() == ["dispute.opened"]
        assert_balances(
            """
            debit   disputes:open        100.00 EUR
            debit   psp:stripe:fees       23.20 EUR
            credit  psp:stripe:clearing   23.20 EUR
            credit  seller:ann:pending    90.00 EUR
            credit  platform:commission   10.00 EUR
            """,
            names={sold.id: "ann"},
        )

    def test_is_booked_once_under_every_event(self, world: World, sold: Seller) -> None:
        open_dispute(world)
        entries = count_entries()

        world.provider.redeliver()
        world.settle()

        assert (Dispute.objects.count(), count_entries()) == (1, entries)

    @pytest.mark.parametrize("fault", UNCLEAR)
    def test_is_booked_once_however_the_answer_was_lost(self, world: World, sold: Seller, fault: str) -> None:
        world.provider.plan([rule("dispute.retrieve", fault)])

        world.provider.open_dispute(charge_of(world))
        world.settle()
        world.work(later=days(1))

        assert balance(code="disputes:open", currency="EUR").text == "100.00"

    def test_is_followed_by_the_poll_when_webhooks_are_lost(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)
        world.provider.decide_dispute(dispute.psp_ref, won=True)
        world.provider.take_webhooks()

        world.work(later=days(1))

        assert Dispute.objects.get().state == "won"
        assert Job.objects.get(kind="payments.sync_dispute").state == "done"

    def test_keeps_the_order_from_being_released(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)
        world.deliver_goods("cart-1.ann")

        assert (world.release(), owed(sold)) == (0, ("90.00", "0.00", "0.00"))

        decide(world, dispute, won=True)
        assert (world.release(), owed(sold)) == (1, ("0.00", "90.00", "0.00"))

    def test_keeps_what_was_released_from_being_paid_out(self, world: World, sold: Seller) -> None:
        world.deliver_goods("cart-1.ann")
        world.release()
        dispute = open_dispute(world)

        with pytest.raises(NothingToPayOut):
            world.propose()

        decide(world, dispute, won=True)
        assert world.propose().total.text == "90.00"

    def test_lets_other_sales_be_paid_out_while_its_own_is_pending(self, world: World, sold: Seller) -> None:
        open_dispute(world)
        world.sell("cart-2", {"ann": "50.00"})
        world.deliver_goods("cart-2.ann")
        world.release()

        assert world.propose().total.text == "45.00"

    def test_refuses_a_refund(self, world: World, sold: Seller) -> None:
        open_dispute(world)

        with nothing_changes():
            assert_problem(refund(world, "10.00"), 422, "payment_disputed")


class TestADisputeThatIsWon:
    def test_gives_back_exactly_what_was_taken_but_the_fee(self, world: World, sold: Seller, listening: None) -> None:
        dispute = decide(world, open_dispute(world), won=True)

        assert (dispute.state, dispute.withdrawn_minor) == ("won", 0)
        assert (told()[0], told()[-1]) == ("dispute.opened", "dispute.won")
        assert_balances(
            """
            debit   psp:stripe:clearing   76.80 EUR
            debit   psp:stripe:fees       23.20 EUR
            credit  seller:ann:pending    90.00 EUR
            credit  platform:commission   10.00 EUR
            """,
            names={sold.id: "ann"},
        )

    def test_can_be_refunded_again(self, world: World, sold: Seller) -> None:
        decide(world, open_dispute(world), won=True)

        assert refund(world).status_code == 201
        world.settle()

        assert Refund.objects.get().state == "succeeded"

    def test_may_have_a_second_round_that_is_booked_by_itself(self, world: World, sold: Seller) -> None:
        dispute = decide(world, open_dispute(world), won=True)

        world.provider.reopen_dispute(dispute.psp_ref)
        world.settle()

        again = Dispute.objects.get()
        assert (again.state, again.withdrawals, again.fee.text) == ("appeal_needs_response", 2, "40.00")
        assert balance(code="disputes:open", currency="EUR").text == "100.00"
        lost = decide(world, again, won=False)
        assert (lost.state, owed(sold)) == ("lost", ("0.00", "0.00", "0.00"))
        assert green()

    def test_stays_won_when_an_older_answer_arrives_late(self, world: World, sold: Seller) -> None:
        from payments.gateway import Succeeded, provider
        from payments.services import disputes

        dispute = open_dispute(world)
        old = provider().fetch_dispute(dispute.psp_ref)
        assert isinstance(old, Succeeded)
        decide(world, dispute, won=True)

        with disputes.money_tx("test"):
            disputes.record_facts(old.value, now=timezone.now())

        assert (Dispute.objects.get().state, balance(code="disputes:open", currency="EUR").minor) == ("won", 0)


class TestADisputeThatIsLost:
    def test_is_borne_by_the_seller_and_our_commission(self, world: World, sold: Seller, listening: None) -> None:
        decide(world, open_dispute(world), won=False)

        assert told()[-1] == "dispute.lost"
        assert_balances(
            """
            debit   psp:stripe:fees       23.20 EUR
            credit  psp:stripe:clearing   23.20 EUR
            """,
            names={sold.id: "ann"},
        )

    def test_is_owed_to_us_once_the_money_was_paid_out(self, world: World, sold: Seller) -> None:
        pay_ann_out(world)

        decide(world, open_dispute(world), won=False)

        assert owed(sold) == ("0.00", "0.00", "90.00")
        assert green()

    def test_is_ours_where_policy_says_so(self, world: World, sold: Seller, settings: Any) -> None:
        settings.DISPUTES_BORNE_BY = "platform"

        decide(world, open_dispute(world), won=False)

        assert owed(sold) == ("90.00", "0.00", "0.00")
        assert balance(code="losses:disputes", currency="EUR").text == "100.00"

    def test_is_ours_where_the_seller_agreed_to_it(self, world: World, sold: Seller) -> None:
        Seller.objects.update(disputes_borne_by="platform")

        decide(world, open_dispute(world), won=False)

        assert owed(sold) == ("90.00", "0.00", "0.00")

    def test_is_borne_as_was_agreed_when_it_opened(self, world: World, sold: Seller, settings: Any) -> None:
        dispute = open_dispute(world)
        settings.DISPUTES_BORNE_BY = "platform"

        decide(world, dispute, won=False)

        assert owed(sold) == ("0.00", "0.00", "0.00")

    def test_with_a_fee_for_the_seller_leaves_it_owing_the_fee(self, world: World, sold: Seller, settings: Any) -> None:
        settings.DISPUTE_FEES_BORNE_BY = "seller"

        decide(world, open_dispute(world), won=False)

        assert owed(sold) == ("0.00", "0.00", "20.00")

    def test_is_divided_over_the_sellers_by_what_is_left_of_their_sales(
        self, world: World, ann: Seller, bob: Seller
    ) -> None:
        world.sell("cart-1", {"ann": "100.00", "bob": "20.00"})
        refund(world, "60.00")
        world.settle()

        dispute = decide(world, open_dispute(world, amount=3_000), won=False)

        assert sorted(share.amount.text for share in dispute.shares.all()) == ["10.00", "20.00"]
        assert (owed(ann)[0], owed(bob)[0]) == ("18.00", "9.00")

    def test_for_more_than_was_paid_is_ours_beyond_it(self, world: World, sold: Seller) -> None:
        decide(world, open_dispute(world, amount=10_350), won=False)

        assert owed(sold) == ("0.00", "0.00", "0.00")
        assert balance(code="losses:disputes", currency="EUR").text == "3.50"
        assert green()

    def test_refuses_a_refund(self, world: World, sold: Seller) -> None:
        decide(world, open_dispute(world), won=False)

        assert_problem(refund(world, "10.00"), 422, "payment_disputed")

    def test_is_lost_by_silence(self, world: World, sold: Seller) -> None:
        open_dispute(world)

        world.provider.advance(12 * 24 * 3600)
        world.settle()

        assert Dispute.objects.get().state == "lost"


class TestAnInquiry:
    def test_moves_no_money(self, world: World, sold: Seller) -> None:
        entries = count_entries()

        dispute = open_dispute(world, inquiry=True)

        assert (dispute.state, count_entries()) == ("warning_needs_response", entries)
        assert refund(world, "10.00").status_code == 201

    def test_is_over_without_a_loss(self, world: World, sold: Seller) -> None:
        entries = count_entries()

        dispute = decide(world, open_dispute(world, inquiry=True), won=False)

        assert (dispute.state, events_of(dispute), count_entries()) == (
            "warning_closed",
            ["warn", "close_warning"],
            entries,
        )


class TestEvidence:
    def test_is_handed_to_the_bank_as_it_was_written(self, world: World, sold: Seller, listening: None) -> None:
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

    def test_waits_for_what_is_under_way(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)
        hand_in(world, dispute)

        assert_problem(hand_in(world, dispute, key="e2"), 409, "evidence_under_way")

    def test_is_not_taken_once_the_dispute_is_decided(self, world: World, sold: Seller) -> None:
        dispute = decide(world, open_dispute(world), won=True)

        with nothing_changes():
            assert_problem(hand_in(world, dispute), 409, "evidence_not_wanted")

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

        assert_problem(answer, 422, "evidence_too_long")


class TestTheDeadline:
    def test_is_warned_of_once_while_nothing_was_handed_in(self, world: World, sold: Seller, listening: None) -> None:
        open_dispute(world)
        world.work(later=days(5))
        assert told() == ["dispute.opened"]

        world.work(later=days(8))
        world.work(later=days(9))

        assert told() == ["dispute.opened", "dispute.evidence_due"]
        assert Dispute.objects.get().warned_at is not None

    def test_is_not_warned_of_once_evidence_was_handed_in(self, world: World, sold: Seller, listening: None) -> None:
        hand_in(world, open_dispute(world))
        world.settle()

        world.work(later=days(8))

        assert "dispute.evidence_due" not in told()


class TestDisputesOfAStorefront:
    def test_are_listed_newest_first_page_by_page(self, world: World, ann: Seller) -> None:
        made = []
        for cart in ("cart-1", "cart-2", "cart-3"):
            world.sell(cart, {"ann": "10.00"})
            made.append(open_dispute(world).pk)

        first = world.shop.get("/v1/disputes?limit=2").json()
        second = world.shop.get(f"/v1/disputes?limit=2&cursor={first['next_cursor']}").json()

        assert [each["id"] for each in (*first["data"], *second["data"])] == made[::-1]
        assert second["next_cursor"] is None

    def test_are_found_by_order_and_by_status(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)

        def found(query: str) -> list[str]:
            return [each["id"] for each in world.shop.get(f"/v1/disputes?{query}").json()["data"]]

        assert found("payment_order_id=cart-1.ann") == found("status=needs_response") == [dispute.pk]
        assert found("payment_order_id=cart-9.ann") == found("status=won") == []

    def test_are_nobody_elses(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)
        path = f"/v1/disputes/{dispute.pk}"

        assert world.other_shop.get("/v1/disputes").json()["data"] == []
        assert_problem(world.other_shop.get(path), 404, "unknown_dispute")
        answer = world.other_shop.post(f"{path}/evidence", {"evidence": TEXTS}, key="e1")
        assert_problem(answer, 404, "unknown_dispute")

    @pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "status=open", "sort=amount", "cursor="])
    def test_refuse_a_filter_that_they_do_not_know(self, world: World, query: str) -> None:
        assert world.shop.get(f"/v1/disputes?{query}").status_code == 422


class TestTheGuardsOfDisputes:
    @pytest.mark.parametrize(
        ("statement", "match"),
        [
            ("UPDATE payments_dispute SET amount_minor = 1", "is fixed"),
            ("UPDATE payments_dispute SET psp_ref = 'du_other'", "is fixed"),
            ("UPDATE payments_dispute SET withdrawals = 0", "is fixed"),
            ("UPDATE payments_dispute SET reinstatements = 2", "dispute_counts_agree"),
            ("UPDATE payments_dispute SET state = 'recorded'", "cannot move"),
            ("DELETE FROM payments_dispute", "refused"),
            ("UPDATE payments_disputeshare SET borne_by = 'platform'", "refused"),
            ("DELETE FROM payments_disputeshare", "refused"),
            ("UPDATE payments_disputeevidence SET params = '{}'", "is frozen"),
            ("UPDATE payments_disputeevidence SET state = 'accepted'", "cannot move"),
            ("DELETE FROM payments_disputeevidence", "refused"),
        ],
    )
    def test_refuse_to_change_what_happened(self, world: World, sold: Seller, statement: str, match: str) -> None:
        hand_in(world, open_dispute(world))

        attack(statement, match=match)

    def test_refuse_to_open_a_won_dispute_without_a_new_withdrawal(self, world: World, sold: Seller) -> None:
        decide(world, open_dispute(world), won=True)

        attack("UPDATE payments_dispute SET state = 'needs_response'", match="cannot be open again")
