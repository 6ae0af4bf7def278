"""Another provider is asked only for what was surely never sent: two live pages for one order are impossible."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from operations import database
from operations.models import Job
from operations.selectors import history
from payments.gateway import stripe_adapter
from payments.gateway.shield import Shield
from payments.models import Attempt, Checkout, ProviderCall, Seller, StorefrontEvent
from payments.services import register_attempt
from payments.services.attempts import register
from payments.story import story
from tests.api.problems import assert_problem
from tests.committed import at_once, committed_db, committed_world
from tests.payments.breakers import Break, breaker, mend, mollies_breaker, restart, silence_stripe, strict
from tests.payments.mollie_stand_in import Mollie, running
from tests.payments.mollie_world import mollie, webhook
from tests.world import World

__all__ = ["breaker", "committed_db", "committed_world", "mend", "mollie", "mollies_breaker", "strict"]

SOON = timedelta(seconds=30)


@pytest.fixture
def routes(mollie: Mollie, settings: Any) -> None:
    """Stripe is preferred, and Mollie comes next."""
    settings.PSP_ROUTES = {"*": ["stripe", "mollie"]}


def tries() -> list[tuple[str, str]]:
    """Return the attempts, first to last."""
    return [(attempt.psp, attempt.state) for attempt in Attempt.objects.order_by("number")]


def pages(world: World, mollie: Mollie) -> int:
    """Return how many pages a buyer could pay, at both providers together."""
    sessions = [each for each in world.provider.ledger()["sessions"] if each["status"] == "open"]
    return len(sessions) + len([found for found in mollie.payments.values() if found["status"] == "open"])


def meanwhile(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]) -> None:
    """Have something happen once, after a breaker kept a call back and before anybody acts on that."""
    around = Shield.around
    happened: list[bool] = []

    def slow(shield: Shield, call: Any) -> Any:
        outcome = around(shield, call)
        if not getattr(outcome, "sent", True) and not happened:
            happened.append(True)
            happens()
        return outcome

    monkeypatch.setattr(Shield, "around", slow)


@pytest.mark.usefixtures("routes")
class TestAPaymentWhoseProviderIsNotAsked:
    def test_is_paid_through_the_next_one(self, world: World, ann: Seller, breaker: Break, mollie: Mollie) -> None:
        breaker()

        answer = world.order("cart-1", {"ann": "100.00"})

        assert (answer.status_code, tries()) == (201, [("stripe", "not_sent"), ("mollie", "pending")])
        assert answer.json()["payment_page"]["url"] == f"{mollie.base_url}/pay/{mollie.only()['id']}"
        assert (world.provider.ledger()["sessions"], pages(world, mollie)) == ([], 1)
        mollie.pay(mollie.only()["id"])
        webhook(world, mollie, mollie.only()["id"])
        world.work(later=SOON)
        assert world.status("cart-1.ann") == "SUCCESS"

    def test_has_a_key_and_a_reference_of_its_own_there(
        self, world: World, ann: Seller, breaker: Break, mollie: Mollie
    ) -> None:
        breaker()
        world.order("cart-1", {"ann": "100.00"})

        first, second = Attempt.objects.order_by("number")
        assert (first.sends, first.sent_at, first.psp_ref) == (0, None, None)
        assert [call.key for call in mollie.posts()] == [second.psp_key]
        assert mollie.only()["metadata"]["reference"] == second.params["reference"] != first.params["reference"]

    def test_gets_the_same_answer_again_under_the_same_key(
        self, world: World, ann: Seller, breaker: Break, mollie: Mollie
    ) -> None:
        breaker()
        first = world.order("cart-1", {"ann": "100.00"})

        again = world.order("cart-1", {"ann": "100.00"})

        assert (again.status_code, again.json()) == (201, first.json())
        assert len(mollie.posts()) == 1

    def test_tells_the_shop_of_no_page_that_it_has_in_its_answer(
        self, world: World, ann: Seller, breaker: Break
    ) -> None:
        breaker()
        world.order("cart-1", {"ann": "100.00"})

        assert not StorefrontEvent.objects.filter(type="payment.page_ready").exists()

    def test_is_told_in_its_story(self, world: World, ann: Seller, breaker: Break) -> None:
        breaker()
        world.order("cart-1", {"ann": "100.00"})

        first = Attempt.objects.get(number=1)
        [move] = history(machine="attempt", subject_id=first.pk)
        assert (move.actor, move.reason) == ("system:failover", "stripe does not answer; mollie is asked instead")
        told = [moment.text for moment in story(any_id="cart-1").moments]
        assert any("created → not_sent by system:failover (stripe does not answer; mollie" in text for text in told)
        calls = ProviderCall.objects.filter(about__startswith="attempt").order_by("sent_at", "id")
        assert [(call.psp, call.outcome) for call in calls] == [("stripe", "not_sent"), ("mollie", "succeeded")]

    def test_leaves_nothing_to_do_at_the_first(self, world: World, ann: Seller, breaker: Break, mend: Break) -> None:
        breaker()
        world.order("cart-1", {"ann": "100.00"})
        mend()

        world.work(later=timedelta(hours=1))

        assert world.provider.ledger()["sessions"] == []
        assert not Job.objects.filter(kind="payments.register_attempt").exclude(state="done").exists()

    def test_stays_and_is_not_available_where_nobody_is_asked(
        self, world: World, ann: Seller, breaker: Break, mollies_breaker: Break, mollie: Mollie
    ) -> None:
        breaker()
        mollies_breaker()

        assert_problem(world.order("cart-1", {"ann": "100.00"}), 503, "provider_unavailable")
        assert tries() == [("stripe", "created")]

    def test_goes_to_whom_answers_first_again(
        self, world: World, ann: Seller, breaker: Break, mollies_breaker: Break, mend: Break, mollie: Mollie
    ) -> None:
        breaker()
        mollies_breaker()
        world.order("cart-1", {"ann": "100.00"})
        mend()
        mollies_breaker()

        assert world.order("cart-1", {"ann": "100.00"}).status_code == 201

        assert tries() == [("stripe", "pending")]

    def test_is_passed_on_by_a_job_too_which_tells_the_shop(
        self, world: World, ann: Seller, breaker: Break, mollies_breaker: Break, mend: Break, mollie: Mollie
    ) -> None:
        breaker()
        mollies_breaker()
        world.order("cart-1", {"ann": "100.00"})
        mend()
        breaker()

        world.work(later=SOON)

        assert tries() == [("stripe", "not_sent"), ("mollie", "pending")]
        assert StorefrontEvent.objects.filter(type="payment.page_ready").count() == 1

    def test_stays_where_the_next_one_cannot_do_what_is_asked(
        self, world: World, ann: Seller, breaker: Break, mollie: Mollie
    ) -> None:
        breaker()

        assert_problem(world.order("cart-1", {"ann": "1.000"}, currency="BHD"), 503, "provider_unavailable")
        assert (tries(), mollie.calls) == ([("stripe", "created")], [])

    def test_is_refunded_captured_and_looked_up_where_it_was_paid(
        self, world: World, ann: Seller, breaker: Break, mend: Break, mollie: Mollie, settings: Any
    ) -> None:
        breaker()
        world.order("cart-1", {"ann": "100.00"}, capture_method="manual")
        mend()
        settings.PSP_ROUTES = {"*": ["stripe"]}
        mollie.pay(mollie.only()["id"])
        world.work(later=timedelta(minutes=3))
        assert world.status("cart-1.ann") == "AUTHORIZED"
        world.shop.post("/v1/payments/cart-1/capture", {}, key="capture")
        world.shop.post("/v1/refunds", {"payment_order_id": "cart-1.ann"}, key="refund")
        world.work(later=SOON)

        [[refund]] = mollie.refunds.values()
        assert refund["amount"]["value"] == "100.00"


@pytest.mark.usefixtures("routes")
class TestAPaymentThatMayHaveBeenSent:
    @pytest.mark.parametrize("action", ["drop", "timeout_after_commit", "error_5xx", "garbage"])
    def test_is_never_asked_of_another(
        self, world: World, ann: Seller, mollie: Mollie, strict: None, action: str
    ) -> None:
        world.provider.plan([{"op": "checkout.session.create", "action": action}])

        assert world.order("cart-1", {"ann": "100.00"}).status_code == 202
        # By now the breaker is open: the look-up is not made, and still nobody else is asked.
        assert world.order("cart-1", {"ann": "100.00"}).status_code == 202
        world.work(later=SOON)

        assert (tries(), mollie.calls) == ([("stripe", "unknown")], [])

    def test_by_a_process_that_died_is_never_asked_of_another(
        self, world: World, ann: Seller, breaker: Break, mollie: Mollie, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def dies(*_: Any, **__: Any) -> Any:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(stripe_adapter.StripeGateway, "register_checkout", dies)
            with pytest.raises(KeyboardInterrupt):
                world.order("cart-1", {"ann": "100.00"})
        breaker()

        world.work(later=SOON)

        attempt = Attempt.objects.get()
        assert (attempt.state, attempt.sends, mollie.calls) == ("created", 1, [])

    def test_by_a_process_of_which_nobody_heard_since_is_never_asked_of_another(
        self, world: World, ann: Seller, strict: None, mollie: Mollie, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It may be sending still. The provider shows nothing yet, and then stops answering before it is asked."""
        find = stripe_adapter.StripeGateway.find_checkout

        def then_silence(gateway: Any, *args: Any, **kwargs: Any) -> Any:
            found = find(gateway, *args, **kwargs)
            silence_stripe(world, gateway)
            return found

        def dies(*_: Any, **__: Any) -> Any:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(stripe_adapter.StripeGateway, "register_checkout", dies)
            with pytest.raises(KeyboardInterrupt):
                world.order("cart-1", {"ann": "100.00"})
        monkeypatch.setattr(stripe_adapter.StripeGateway, "find_checkout", then_silence)

        world.work(later=SOON)

        attempt = Attempt.objects.get()
        assert (attempt.state, attempt.sends, mollie.calls) == ("created", 1, [])

    def test_by_another_process_meanwhile_is_never_asked_of_another(
        self,
        world: World,
        ann: Seller,
        breaker: Break,
        mend: Break,
        mollie: Mollie,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The breaker of one process is open, and another, whose own is closed, takes the attempt over."""
        breaker()

        def another_process() -> None:
            mend()
            world.work(later=SOON)

        meanwhile(monkeypatch, another_process)

        answer = world.order("cart-1", {"ann": "100.00"})

        assert (answer.status_code, tries()) == (201, [("stripe", "pending")])
        assert (pages(world, mollie), mollie.calls) == (1, [])
        assert answer.json()["payment_page"]["token"] == Attempt.objects.get().psp_ref

    def test_by_another_process_that_did_not_hear_the_end_is_never_asked_of_another(
        self,
        world: World,
        ann: Seller,
        breaker: Break,
        mend: Break,
        mollie: Mollie,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        breaker()

        def another_process() -> None:
            mend()
            world.provider.plan([{"op": "checkout.session.create", "action": "timeout_after_commit"}])
            world.work(later=SOON)

        meanwhile(monkeypatch, another_process)

        assert world.order("cart-1", {"ann": "100.00"}).status_code == 202
        assert (tries(), pages(world, mollie), mollie.calls) == ([("stripe", "unknown")], 1, [])

    def test_under_an_earlier_key_is_never_asked_of_another(
        self, world: World, ann: Seller, mend: Break, strict: None, mollie: Mollie, settings: Any
    ) -> None:
        """What was given up because the provider does not show it may turn up there: then that page is the second."""
        world.provider.plan([{"op": "checkout.session.create", "action": "drop"}])
        world.order("cart-1", {"ann": "100.00"})
        mend()
        attempt = Attempt.objects.get()
        later = timezone.now() + timedelta(hours=21)
        register_attempt(attempt=attempt.pk, now=later)
        assert tries() == [("stripe", "abandoned"), ("stripe", "created")]
        silence_stripe(world, stripe_adapter.make(settings))

        world.work(later=timedelta(hours=22))

        assert (tries(), mollie.calls) == ([("stripe", "abandoned"), ("stripe", "created")], [])

    def test_is_not_sent_by_who_comes_too_late(
        self, world: World, ann: Seller, breaker: Break, mend: Break, mollie: Mollie
    ) -> None:
        """A job read the attempt before it was passed on, and wants to send it after."""
        breaker()
        world.order("cart-1", {"ann": "100.00"})
        mend()
        stale = Attempt.objects.get(number=1)
        stale.__dict__["state"] = "created"

        assert register(stale, actor="system:jobs", now=timezone.now()) is None
        assert (world.provider.ledger()["sessions"], pages(world, mollie)) == ([], 1)


@pytest.mark.usefixtures("routes")
class TestTheDatabase:
    @pytest.mark.parametrize(
        "claimed", ["sends = 1, sent_at = now()", "psp_ref = 'cs_1'", "sends = 1", "sent_at = now()"]
    )
    def test_refuses_to_pass_on_what_may_have_been_sent(
        self, world: World, ann: Seller, mollies_breaker: Break, breaker: Break, mollie: Mollie, claimed: str
    ) -> None:
        breaker()
        mollies_breaker()
        world.order("cart-1", {"ann": "100.00"})

        with pytest.raises(DatabaseError, match=r"attempt_(not_)?sent_by"), connection.cursor() as cursor:
            cursor.execute(f"UPDATE payments_attempt SET state = 'not_sent', {claimed}")

    def test_lets_nothing_that_was_passed_on_be_sent_after_all(
        self, world: World, ann: Seller, breaker: Break, mollie: Mollie
    ) -> None:
        breaker()
        world.order("cart-1", {"ann": "100.00"})

        with pytest.raises(DatabaseError, match="attempt_not_sent_by_anybody"):
            database.execute("UPDATE payments_attempt SET sends = 1, sent_at = now() WHERE number = 1")


class TestManyProcessesAtOnce:
    def test_never_make_two_pages(self, committed_world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """Shop and jobs at the same attempts, while the breaker opens and closes under them."""
        world = committed_world
        world.open_seller("ann")
        settings.PSP_BREAKER_FAILURES, settings.PSP_BREAKER_REST_S = 1, 600
        with running() as found:
            settings.MOLLIE_API_KEY, settings.MOLLIE_API_BASE = "test_" + "x" * 30, f"{found.base_url}/v2"
            settings.MOLLIE_WEBHOOK_SECRET = "a secret of thirty-two characters"
            settings.PSP_ROUTES = {"*": ["stripe", "mollie"]}
            for number in range(8):
                restart()
                silence_stripe(world, stripe_adapter.make(settings))
                cart, later = f"cart-{number}", timedelta(minutes=1 + number)

                def order(cart: str = cart) -> Any:
                    return world.order(cart, {"ann": "100.00"})

                def job(later: timedelta = later) -> int:
                    return world.work(later=later)

                at_once([order, restart, job, order, job])
                at_once([job, order])
            restart()
            world.work(later=timedelta(hours=1))
            live = list(world.provider.ledger()["sessions"])
            counts = {
                checkout.pk: sum(each["metadata"]["checkout_id"] == checkout.checkout_id for each in live)
                + sum(each["metadata"]["checkout_id"] == checkout.checkout_id for each in found.payments.values())
                for checkout in Checkout.objects.all()
            }
        assert len(counts) == 8
        assert set(counts.values()) == {1}
        assert set(Attempt.objects.values_list("state", flat=True)) <= {"pending", "not_sent"}
