"""Before the provider hears of a payment, somebody has said that it may."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.utils import timezone

from ledger.money import Money
from operations import database, switchboard
from operations.models import Approval, Job
from operations.selectors import audit_trail, open_approval, waiting_approvals
from operations.services import AlreadyDecided, grant_approval, reject_approval
from payments.models import Attempt, Checkout, RiskVerdict, Seller
from payments.risk import RiskQuestion, Verdict, by_lists
from tests.api.problems import assert_problem
from tests.snapshot import nothing_changes
from tests.world import CHECKER, World

LIMIT = {"EUR": 50_000}


@pytest.fixture
def lists(settings: Any) -> None:
    settings.RISK_CHECK = "lists"
    settings.RISK_BLOCKED_NAMES = ["Bóris Bad"]
    settings.RISK_BLOCKED_COUNTRIES = ["KP"]
    settings.RISK_REVIEW_ABOVE_MINOR = LIMIT


def verdicts() -> list[tuple[str, str, str]]:
    found = RiskVerdict.objects.order_by("id")
    return list(found.values_list("check_kind", "decision", "rule"))


def asked(amount_minor: int = 1_000, **facts: Any) -> Verdict:
    known = {"name": "Bea Buyer", "email": "", "country": "DE", **facts}
    return by_lists(
        RiskQuestion(
            checkout="chk_1", storefront="acme", amount=Money(amount_minor, "EUR"), sellers=("sel_1",), **known
        )
    )


def cancel(world: World, *, key: str = "c1") -> Any:
    """Call the payment off."""
    return world.shop.post("/v1/payments/cart-1/cancel", {}, key=key)


def path_of(checkout: dict[str, Any]) -> str:
    """Return where a buyer sees how a payment stands."""
    return urlsplit(str(checkout["status_page"])).path


@pytest.mark.usefixtures("lists")
class TestTheLists:
    @pytest.mark.parametrize("name", ["Boris Bad", "BAD, boris", "Bo\u0301ris  Bad"])
    def test_know_a_name_however_it_is_written(self, name: str) -> None:
        assert (asked(name=name).decision, asked(name=name).rule) == ("reject", "sanctions_list")

    def test_close_countries(self) -> None:
        assert asked(country="KP").rule == "closed_country"

    @pytest.mark.parametrize(("minor", "decision"), [(50_000, "accept"), (50_001, "review")])
    def test_have_what_is_above_the_limit_reviewed(self, minor: int, decision: str) -> None:
        assert asked(minor).decision == decision

    @pytest.mark.parametrize("facts", [{}, {"name": ""}, {"country": ""}])
    def test_let_the_rest_pass(self, facts: dict[str, Any]) -> None:
        assert asked(**facts).decision == "accept"


class TestAPayment:
    def test_is_executed_with_a_verdict_that_is_kept(self, world: World, ann: Seller) -> None:
        world.order("cart-1", {"ann": "100.00"})

        assert verdicts() == [("accept", "accept", "none")]

    @pytest.mark.usefixtures("lists")
    def test_that_is_rejected_fails_before_the_provider_hears_of_it(self, world: World, ann: Seller) -> None:
        answer = world.order("cart-1", {"ann": "100.00"}, buyer_info={"name": "Boris Bad"})
        again = world.order("cart-1", {"ann": "100.00"}, buyer_info={"name": "Boris Bad"})

        assert_problem(answer, 422, "payment_refused")
        assert_problem(again, 422, "payment_refused")
        assert world.status("cart-1.ann") == "FAILED"
        assert verdicts() == [("lists", "reject", "sanctions_list")]
        assert world.provider.ledger()["sessions"] == []

    @pytest.mark.usefixtures("lists")
    @pytest.mark.parametrize("buyer", [{"name": "Boris Bad"}, {"name": "Bea", "country": "KP"}])
    def test_that_is_rejected_does_not_say_why(self, world: World, ann: Seller, buyer: dict[str, str]) -> None:
        answer = world.order("cart-1", {"ann": "100.00"}, buyer_info=buyer)

        assert answer.json()["detail"] == "This payment is not accepted, and neither will the same one be."
        shown = world.shop.get("/v1/checkouts/cart-1").json()
        assert shown["last_error"] == {"code": "payment_refused", "retryable": "never"}
        told = json.dumps([shown, world.shop.get("/v1/events").json()]) + Client().get(path_of(shown)).content.decode()
        assert [word for word in ("risk", "sanctions", "blocked", "closed", "provider refused") if word in told] == []

    def test_waits_while_the_check_does_not_answer(
        self, world: World, ann: Seller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def down(question: RiskQuestion) -> Verdict:
            raise ConnectionError("the other company does not answer")

        answerer = switchboard.answerer
        monkeypatch.setattr(
            switchboard,
            "answerer",
            lambda table, kind: down if table == "RISK_CHECKS" else answerer(table, kind),
        )
        answer = world.order("cart-1", {"ann": "100.00"})
        assert_problem(answer, 503, "provider_unavailable")
        assert answer.headers["Retry-After"] == "5"
        assert (Attempt.objects.get().state, world.provider.ledger()["sessions"]) == ("created", [])
        monkeypatch.undo()

        world.work(later=timedelta(seconds=30))

        assert world.status("cart-1.ann") == "EXECUTING"


@pytest.mark.usefixtures("lists")
class TestAPaymentThatAPersonReviews:
    @pytest.fixture
    def held(self, world: World, ann: Seller) -> Any:
        return world.order("cart-1", {"ann": "900.00"})

    def approval(self) -> int:
        found = open_approval(kind="payments.risk_review", subject=f"checkout:{Checkout.objects.get().pk}")
        assert found is not None
        return int(found.pk)

    def test_waits_without_a_page(self, world: World, held: Any) -> None:
        assert (held.status_code, held.json()["payment_page"]) == (202, None)
        assert held.json()["payment_orders"][0]["waiting"]["on"] == "person"
        assert world.status("cart-1.ann") == "IN_REVIEW"
        status_page = Client().get(urlsplit(held.json()["status_page"]).path)
        assert "is being checked" in status_page.content.decode()
        world.work(later=timedelta(hours=1))
        assert world.provider.ledger()["sessions"] == []

    def test_gets_its_page_when_it_is_accepted(self, world: World, held: Any) -> None:
        grant_approval(approval_id=self.approval(), checker=CHECKER, now=timezone.now())

        answer = world.order("cart-1", {"ann": "900.00"})

        assert answer.status_code == 201
        assert verdicts() == [("lists", "review", "large_amount"), ("person", "accept", "")]
        assert world.pay(answer).status == "paid"
        world.settle()
        assert world.status("cart-1.ann") == "SUCCESS"

    def test_fails_when_it_is_refused(self, world: World, held: Any) -> None:
        reject_approval(approval_id=self.approval(), checker=CHECKER, now=timezone.now(), note="no")

        assert world.status("cart-1.ann") == "FAILED"
        assert_problem(world.order("cart-1", {"ann": "900.00"}), 422, "payment_refused")
        assert world.provider.ledger()["sessions"] == []


@pytest.mark.usefixtures("lists")
class TestAPaymentThatIsCalledOffDuringItsReview:
    @pytest.fixture
    def approval(self, world: World, ann: Seller) -> int:
        """The open question about ann's expensive chair."""
        world.order("cart-1", {"ann": "900.00"})
        return Approval.objects.get().pk

    def test_is_canceled_and_nobody_is_asked_any_more(self, world: World, approval: int) -> None:
        answer = cancel(world)

        assert (answer.status_code, answer.json()["payment_orders"][0]["status"]) == (200, "CANCELED")
        assert (Attempt.objects.get().state, world.provider.ledger()["sessions"]) == ("abandoned", [])
        assert waiting_approvals() == {}
        trail = audit_trail(subject=f"checkout:{Checkout.objects.get().pk}")
        assert ("operations.approval.withdrawn", "storefront:acme") in trail.values_list("action", "actor")
        told = [event["type"] for event in world.shop.get("/v1/events").json()["data"]]
        assert told == ["payment.canceled", "payment.in_review"]

    @pytest.mark.parametrize("decide", [grant_approval, reject_approval])
    def test_is_not_decided_any_more(self, world: World, approval: int, decide: Any) -> None:
        cancel(world)

        with nothing_changes(), pytest.raises(AlreadyDecided, match="withdrawn"):
            decide(approval_id=approval, checker=CHECKER, now=timezone.now(), note="late")

    def test_leaves_nothing_to_do(self, world: World, approval: int) -> None:
        cancel(world)

        world.work(later=timedelta(hours=1))

        assert (world.status("cart-1.ann"), world.provider.ledger()["sessions"]) == ("CANCELED", [])
        assert not Job.objects.filter(state__in=("todo", "dead")).exists()

    def test_is_shown_as_it_is_where_the_shop_creates_it_once_more(self, world: World, approval: int) -> None:
        cancel(world)

        again = world.order("cart-1", {"ann": "900.00"})

        assert (again.status_code, again.json()["payment_page"]) == (201, None)
        assert again.json()["payment_orders"][0]["status"] == "CANCELED"
        assert world.order("cart-1", {"ann": "900.00"}).json() == again.json()

    def test_is_called_off_once_by_one_key(self, world: World, approval: int) -> None:
        first = cancel(world)

        with nothing_changes():
            again = cancel(world)

        assert (again.json(), again["Idempotent-Replayed"]) == (first.json(), "true")
        assert_problem(cancel(world, key="c2"), 409, "not_cancelable")

    def test_stays_with_who_accepted_it_first(self, world: World, approval: int) -> None:
        grant_approval(approval_id=approval, checker=CHECKER, now=timezone.now())

        with nothing_changes():
            assert_problem(cancel(world), 409, "outcome_unknown")
        assert world.order("cart-1", {"ann": "900.00"}).status_code == 201
        assert cancel(world).status_code == 200

    def test_stays_with_who_refused_it_first(self, world: World, approval: int) -> None:
        reject_approval(approval_id=approval, checker=CHECKER, now=timezone.now(), note="no")

        with nothing_changes():
            assert_problem(cancel(world), 409, "not_cancelable")


class TestAVerdict:
    @pytest.mark.parametrize(
        "change", ["UPDATE payments_riskverdict SET decision = 'reject'", "DELETE FROM payments_riskverdict"]
    )
    def test_stays_as_it_was_given(self, world: World, ann: Seller, change: str) -> None:
        world.order("cart-1", {"ann": "100.00"})

        with pytest.raises(DatabaseError, match="stays"), transaction.atomic():
            database.execute(change)
