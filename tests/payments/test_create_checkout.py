"""Creating a payment: intend, call, record; and what an unknown outcome comes to."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from operations import failpoints
from operations.models import HumanTask, IdempotencyKey, Job
from operations.selectors import history
from operations.services import forget_keys
from payments.models import Attempt, Checkout, PaymentOrder, Seller
from payments.services import attempts
from payments.services.attempt_rows import TAKE_OVER_AFTER
from tests.api.problems import assert_problem
from tests.payments.faults import DONE, UNCLEAR, rule
from tests.world import World

CREATE = "checkout.session.create"
LIST = "checkout.session.list"


def posts(world: World) -> list[dict[str, Any]]:
    """Return the registrations that reached the provider."""
    return [c for c in world.provider.calls() if (c["method"], c["path"]) == ("POST", "/v1/checkout/sessions")]


def crash_at(monkeypatch: pytest.MonkeyPatch, point: str) -> None:
    """Make the next pass of a failpoint fail the process's work there."""
    failpoints.reset()
    monkeypatch.setenv("COUNTERFOIL_FAILPOINTS", f"{point}=raise")


class TestAPaymentThatGoesWell:
    def test_shows_the_page_whose_token_is_stored(self, world: World, ann: Seller, bob: Seller) -> None:
        created = world.order("cart-1", {"ann": "100.00", "bob": "20.50"})

        body = created.json()
        attempt = Attempt.objects.get()
        assert created.status_code == 201
        assert body["payment_page"] == {"url": attempt.page_url, "token": attempt.psp_ref}
        assert (body["amount"], body["currency"]) == ("120.50", "EUR")
        assert [(o["payment_order_id"], o["status"]) for o in body["payment_orders"]] == [
            ("cart-1.ann", "EXECUTING"),
            ("cart-1.bob", "EXECUTING"),
        ]

    def test_is_registered_under_our_id_with_our_stored_key(self, world: World, ann: Seller) -> None:
        world.order("cart-1", {"ann": "100.00"})

        checkout = Checkout.objects.get()
        [session] = world.provider.ledger()["sessions"]
        assert (session["client_reference_id"], session["amount_total"]) == (checkout.pk, 10_000)
        assert [call["idempotency_key"] for call in posts(world)] == [Attempt.objects.get().psp_key]

    def test_freezes_commission_and_request(self, world: World, ann: Seller) -> None:
        world.order("cart-1", {"ann": "100.00"})
        Seller.objects.update(commission_bps=5000, name="Renamed")

        assert PaymentOrder.objects.get().commission.text == "10.00"
        assert Attempt.objects.get().params["lines"] == [{"name": "Ann", "amount_minor": 10_000}]
        with pytest.raises(IntegrityError), transaction.atomic():
            Attempt.objects.update(params={})
        with pytest.raises(IntegrityError), transaction.atomic():
            PaymentOrder.objects.update(amount_minor=1)

    def test_leaves_a_job_that_looks_for_a_lost_webhook(self, world: World, ann: Seller) -> None:
        world.order("cart-1", {"ann": "100.00"})

        waiting = list(Job.objects.filter(state="todo").values_list("kind", flat=True))
        assert waiting == ["payments.sync_attempt"]

    def test_keeps_its_answer_together_with_the_page(self, world: World, ann: Seller) -> None:
        created = world.order("cart-1", {"ann": "1.00"})
        again = world.order("cart-1", {"ann": "1.00"})

        kept = IdempotencyKey.objects.get()
        assert (kept.response_status, kept.response_body) == (201, created.json())
        assert "Idempotent-Replayed" not in created
        assert (again["Idempotent-Replayed"], again.json()) == ("true", created.json())

    def test_is_shown_as_it_is_read_later(self, world: World, ann: Seller, bob: Seller) -> None:
        created = world.order("cart-1", {"bob": "20.50", "ann": "100.00"})

        assert world.shop.get("/v1/checkouts/cart-1").json() == created.json()

    def test_that_a_job_registered_meanwhile_is_not_registered_twice(
        self, world: World, ann: Seller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ask = attempts._ask_for_page

        def slowly(attempt: Attempt) -> Any:
            monkeypatch.setattr(attempts, "_ask_for_page", ask)
            world.work(later=TAKE_OVER_AFTER)
            return ask(attempt)

        monkeypatch.setattr(attempts, "_ask_for_page", slowly)

        created = world.order("cart-1", {"ann": "100.00"})

        attempt = Attempt.objects.get()
        assert created.status_code == 201
        assert created.json()["payment_page"] == {"url": attempt.page_url, "token": attempt.psp_ref}
        assert len(world.provider.ledger()["sessions"]) == 1
        assert [move.event for move in history(machine="attempt", subject_id=attempt.pk)] == ["register"]


class TestADefiniteNo:
    def test_fails_the_payment_and_is_the_same_problem_again(self, world: World, ann: Seller) -> None:
        refused = world.order("cart-1", {"ann": "0.01"}, currency="CNY")

        again = world.order("cart-1", {"ann": "0.01"}, currency="CNY")

        assert_problem(refused, 422, "provider_refused")
        assert_problem(again, 422, "provider_refused")
        assert world.status("cart-1.ann") == "FAILED"
        assert Attempt.objects.get().state == "declined"
        assert len(posts(world)) == 1

    def test_has_a_key_that_is_forgotten_in_time(self, world: World, ann: Seller) -> None:
        world.order("cart-1", {"ann": "0.01"}, currency="CNY")

        assert forget_keys(now=timezone.now() + timedelta(hours=23)) == 0
        assert forget_keys(now=timezone.now() + timedelta(hours=25)) == 1

    def test_leaves_nothing_to_do(self, world: World, ann: Seller) -> None:
        world.order("cart-1", {"ann": "0.01"}, currency="CNY")

        world.work(later=timedelta(hours=1))

        assert Job.objects.filter(state__in=("todo", "dead")).count() == 0


class TestAnUnclearAnswer:
    @pytest.mark.parametrize("fault", UNCLEAR)
    def test_is_unknown_until_a_job_has_asked_and_never_makes_a_second_session(
        self, world: World, ann: Seller, fault: str
    ) -> None:
        world.provider.plan([rule(CREATE, fault)])

        answer = world.order("cart-1", {"ann": "100.00"})

        assert (answer.status_code, answer.json()["payment_page"]) == (202, None)
        assert int(answer.headers["Retry-After"]) > 0
        assert world.status("cart-1.ann") == "UNKNOWN"

        world.work(later=timedelta(seconds=30))

        assert world.status("cart-1.ann") == "EXECUTING"
        assert len(world.provider.ledger()["sessions"]) == 1
        assert {call["idempotency_key"] for call in posts(world)} == {Attempt.objects.get().psp_key}
        assert [c.to_state for c in history(machine="payment_order", subject_id=PaymentOrder.objects.get().pk)] == [
            "UNKNOWN",
            "EXECUTING",
        ]

    @pytest.mark.parametrize("fault", UNCLEAR)
    def test_is_cleared_by_the_clients_own_repetition(self, world: World, ann: Seller, fault: str) -> None:
        world.provider.plan([rule(CREATE, fault)])
        first = world.order("cart-1", {"ann": "100.00"})

        again = world.order("cart-1", {"ann": "100.00"})

        assert (first.status_code, again.status_code) == (202, 201)
        assert again.json()["id"] == first.json()["id"]
        assert again.json()["payment_page"]["token"] == Attempt.objects.get().psp_ref
        assert len(world.provider.ledger()["sessions"]) == 1

    @pytest.mark.parametrize("fault", DONE)
    def test_is_looked_up_and_not_sent_again_when_it_was_done(self, world: World, ann: Seller, fault: str) -> None:
        world.provider.plan([rule(CREATE, fault)])
        world.order("cart-1", {"ann": "100.00"})

        world.work(later=timedelta(seconds=30))

        assert len(posts(world)) == 1

    @pytest.mark.parametrize("fault", ["cut before", "500 before", "garbage", "429"])
    def test_stays_unknown_while_the_look_up_is_unclear_too(self, world: World, ann: Seller, fault: str) -> None:
        world.provider.plan([rule(CREATE, "cut after"), rule(LIST, fault)])
        world.order("cart-1", {"ann": "100.00"})

        world.work(later=timedelta(seconds=30))

        assert world.status("cart-1.ann") == "UNKNOWN"
        assert len(posts(world)) == 1
        world.work(later=timedelta(minutes=5))
        assert world.status("cart-1.ann") == "EXECUTING"

    def test_stays_unknown_when_the_look_up_itself_is_refused(self, world: World, ann: Seller) -> None:
        refusal = {"op": LIST, "action": "error_5xx", "args": {"when": "before", "status": 400}}
        world.provider.plan([rule(CREATE, "cut after"), refusal])
        world.order("cart-1", {"ann": "100.00"})

        world.work(later=timedelta(seconds=30))

        assert world.status("cart-1.ann") == "UNKNOWN"
        world.work(later=timedelta(minutes=5))
        assert world.status("cart-1.ann") == "EXECUTING"

    def test_waits_as_long_as_the_provider_says(self, world: World, ann: Seller) -> None:
        world.provider.plan([rule(CREATE, "cut before"), rule(LIST, "503")])
        world.order("cart-1", {"ann": "100.00"})
        now = timezone.now() + timedelta(seconds=30)

        world.work(later=timedelta(seconds=30))

        waits = Job.objects.get(kind="payments.register_attempt").next_at - now
        assert timedelta(seconds=7) <= waits < timedelta(seconds=8)

    def test_that_is_replayed_for_ever_is_given_up_for_a_new_attempt(self, world: World, ann: Seller) -> None:
        world.provider.plan([{"op": CREATE, "action": "error_5xx", "args": {"when": "during"}}])
        world.order("cart-1", {"ann": "100.00"})

        world.work(later=timedelta(seconds=30))
        world.work(later=timedelta(hours=21))
        assert world.status("cart-1.ann") == "UNKNOWN"
        world.work(later=timedelta(hours=21, minutes=1))

        assert [(each.state, each.psp_key[-1]) for each in Attempt.objects.order_by("number")] == [
            ("abandoned", "1"),
            ("pending", "2"),
        ]
        assert world.status("cart-1.ann") == "EXECUTING"
        assert len(world.provider.ledger()["sessions"]) == 1

    def test_expires_when_there_is_no_time_left_for_a_new_attempt(self, world: World, ann: Seller) -> None:
        world.provider.plan([rule(CREATE, "cut before", times=0)])
        world.order("cart-1", {"ann": "100.00"})

        world.work(later=timedelta(hours=22, minutes=45))

        assert (world.status("cart-1.ann"), Attempt.objects.get().state) == ("EXPIRED", "abandoned")

    def test_that_outlives_the_key_is_a_persons_question_until_it_is_answered(self, world: World, ann: Seller) -> None:
        world.provider.plan([rule(CREATE, "cut after"), rule(LIST, "500 before", times=0)])
        world.order("cart-1", {"ann": "100.00"})

        world.work(later=timedelta(hours=21))

        task = HumanTask.objects.get()
        assert (task.kind, task.state, task.waits_for) == ("payments.provider_unclear", "open", "operator")
        waiting = world.shop.get("/v1/payments/cart-1.ann").json()["waiting"]
        assert (waiting["on"], waiting["since"]) == ("person", task.since.isoformat())

        world.provider.plan([])
        world.work(later=timedelta(hours=22, minutes=1))
        task.refresh_from_db()
        assert (task.state, world.status("cart-1.ann")) == ("settled", "EXECUTING")

    def test_is_never_sent_again_once_the_provider_may_have_forgotten_the_key(self, world: World, ann: Seller) -> None:
        world.provider.plan([rule(CREATE, "cut before", times=0)])
        world.order("cart-1", {"ann": "100.00"})
        sent = len(posts(world))

        world.work(later=timedelta(hours=21))

        assert len(posts(world)) == sent
        assert (Attempt.objects.get(number=1).state, world.status("cart-1.ann")) == ("abandoned", "UNKNOWN")

    def test_is_still_found_after_the_key_has_grown_old(self, world: World, ann: Seller) -> None:
        world.provider.plan([rule(CREATE, "cut after")])
        world.order("cart-1", {"ann": "100.00"})

        world.work(later=timedelta(hours=21))

        assert world.status("cart-1.ann") == "EXECUTING"


class TestACrash:
    @pytest.mark.parametrize(
        ("point", "sessions"),
        [
            ("psp.call:checkout.register:before_send", 0),
            ("psp.call:checkout.register:after_response", 1),
            ("money_tx:payments.record_registration:before_commit", 1),
        ],
    )
    def test_before_the_token_is_stored_shows_no_page_and_a_job_takes_over(
        self, world: World, ann: Seller, monkeypatch: pytest.MonkeyPatch, point: str, sessions: int
    ) -> None:
        crash_at(monkeypatch, point)

        crashed = world.order("cart-1", {"ann": "100.00"})

        assert_problem(crashed, 500, "internal")
        assert len(world.provider.ledger()["sessions"]) == sessions
        assert Attempt.objects.get().psp_ref is None
        world.work(later=timedelta(seconds=30))
        assert world.status("cart-1.ann") == "EXECUTING"
        assert len(world.provider.ledger()["sessions"]) == 1

    def test_lets_the_client_resume_once_its_lease_is_over(
        self, world: World, ann: Seller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        crash_at(monkeypatch, "psp.call:checkout.register:after_response")
        world.order("cart-1", {"ann": "100.00"})
        assert_problem(world.order("cart-1", {"ann": "100.00"}), 409, "request_in_progress")
        IdempotencyKey.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

        again = world.order("cart-1", {"ann": "100.00"})

        assert again.status_code == 201
        assert again.json()["payment_page"]["token"] == world.provider.ledger()["sessions"][0]["id"]
        assert len(world.provider.ledger()["sessions"]) == 1

    def test_is_looked_up_first_when_it_is_found_too_late_to_send_again(
        self, world: World, ann: Seller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        crash_at(monkeypatch, "psp.call:checkout.register:after_response")
        world.order("cart-1", {"ann": "100.00"})

        world.work(later=timedelta(hours=21))

        assert world.status("cart-1.ann") == "EXECUTING"

    def test_before_the_intent_is_stored_leaves_nothing(
        self, world: World, ann: Seller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        crash_at(monkeypatch, "money_tx:payments.intend:before_commit")

        world.order("cart-1", {"ann": "100.00"})

        assert (Checkout.objects.count(), IdempotencyKey.objects.count()) == (0, 0)
        assert world.provider.ledger()["sessions"] == []
        assert world.order("cart-1", {"ann": "100.00"}).status_code == 201
