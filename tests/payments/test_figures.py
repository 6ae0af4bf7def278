"""How providers do, which share of payments is accepted, and what of it is watched."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from operations import database
from operations.edges import money_tx
from operations.lifecycle import move
from operations.models import Job
from operations.services import enqueue, read_alerts, review_alerts
from payments.gateway.declines import RETRIES, decline_class
from payments.models import Attempt, Checkout, EventListing, ProviderCall, Seller
from payments.selectors import Acceptance, acceptance, provider_health
from payments.services import ListingFailed, sync_events
from sandbox.provider.cards import CARDS
from tests.payments.breakers import Break, breaker, strict
from tests.payments.mollie_stand_in import Mollie
from tests.payments.mollie_world import mollie
from tests.world import World

__all__ = ["breaker", "mollie", "strict"]

DECLINED = next(number for number, card in CARDS.items() if card.decline_code == "insufficient_funds")
HOUR = timedelta(hours=1)


def today() -> list[Acceptance]:
    now = timezone.now()
    return acceptance(since=now - HOUR, until=now + HOUR, by=("psp", "currency", "storefront"))


def call(
    outcome: str, *, psp: str = "stripe", op: str = "x", ago: timedelta = timedelta(minutes=1), took_ms: int = 100
) -> None:
    """Keep a call as it would be kept."""
    number = ProviderCall.objects.count()
    sent = timezone.now() - ago
    ProviderCall.objects.create(
        id=f"cal_{number}", psp=psp, op=op, sent_at=sent, took_ms=took_ms, outcome=outcome, requests=1
    )


def ended(world: World, number: int, event: str, *, ago: timedelta = timedelta(minutes=5), error: str = "") -> None:
    """Have a payment end, some time ago, by what happened to its attempt; without an event its page is open still."""
    world.order(f"cart-{number}", {"ann": "10.00"})
    attempt = Attempt.objects.get(checkout__checkout_id=f"cart-{number}")
    Attempt.objects.filter(pk=attempt.pk).update(last_error=error)
    if event:
        with money_tx("test.end"):
            move(attempt, event, actor="psp:stripe", now=timezone.now() - ago)


def readings(code: str) -> list[tuple[str, bool]]:
    found = [alert for alert in read_alerts(now=timezone.now()) if alert.code == code]
    return [(alert.reading.subject, alert.reading.wrong) for alert in found]


class TestTheAcceptanceRate:
    def test_counts_what_was_tried_by_who_and_in_what(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "10.00"})
        world.sell("cart-2", {"ann": "10.00"}, currency="USD")
        world.pay(world.order("cart-3", {"ann": "10.00"}), card=DECLINED)
        world.work(later=timedelta(minutes=3))
        ended(world, 4, "expire")

        world.work()

        euros, dollars = today()
        assert (euros.psp, euros.currency, euros.storefront) == ("stripe", "EUR", "acme")
        assert (euros.accepted, euros.declined, euros.left, euros.rate_bps) == (1, 0, 1, 10_000)
        assert (dollars.currency, dollars.accepted) == ("USD", 1)

    @pytest.mark.parametrize(
        ("event", "error", "expected"),
        [
            ("decline", "insufficient_funds", (0, 1, 0)),
            ("expire", "insufficient_funds", (0, 1, 0)),
            ("cancel", "authentication_required", (0, 1, 0)),
            ("expire", "", (0, 0, 1)),
            ("expire", "Timeout: nobody answered", (0, 0, 1)),
            ("authorize", "", (1, 0, 0)),
            ("succeed", "insufficient_funds", (1, 0, 0)),
            ("", "insufficient_funds", ()),
        ],
    )
    def test_leaves_out_pages_on_which_nobody_tried(
        self, world: World, ann: Seller, event: str, error: str, expected: tuple[int, ...]
    ) -> None:
        ended(world, 1, event, error=error)

        assert [(one.accepted, one.declined, one.left) for one in today()] == ([expected] if expected else [])

    def test_leaves_out_what_our_own_check_refused(self, world: World, ann: Seller, settings: Any) -> None:
        settings.RISK_CHECK, settings.RISK_BLOCKED_NAMES = "lists", ["Boris Bad"]
        world.order("cart-1", {"ann": "10.00"}, buyer_info={"name": "Boris Bad"})

        [found] = today()
        assert (found.declined, found.kept_out, found.rate_bps) == (0, 1, None)

    def test_tells_declines_by_class(self, world: World, ann: Seller) -> None:
        for number, code in enumerate(("insufficient_funds", "expired_card", "card_declined", "do_not_honor")):
            ended(world, number, "expire", error=code)

        assert today()[0].by_class == {"card data": 1, "funds": 1, "issuer": 2}

    def test_is_by_day_of_its_end_in_utc(self, world: World, ann: Seller) -> None:
        ended(world, 1, "succeed")
        ended(world, 2, "succeed", ago=timedelta(days=2))
        now = timezone.now()

        found = acceptance(since=now - timedelta(days=7), until=now, by=("day",))

        days = [(now - ago).date() for ago in (timedelta(minutes=5), timedelta(days=2, minutes=0))]
        assert [(one.day, one.accepted) for one in found] == [(day, 1) for day in days]

    def test_knows_a_class_for_every_code(self) -> None:
        classes = {decline_class(code) for code in RETRIES}
        assert classes == {"funds", "authentication", "card data", "fraud", "request", "issuer"}

    def test_is_printed_as_json_by_the_command(self, world: World, ann: Seller) -> None:
        ended(world, 1, "succeed")
        ended(world, 2, "decline", error="insufficient_funds")
        out = StringIO()

        call_command("acceptance", "--json", "--by", "psp", "--days", "2", stdout=out)

        assert json.loads(out.getvalue())["groups"] == [
            {
                "psp": "stripe",
                "accepted": 1,
                "declined": 1,
                "declined_by_class": {"funds": 1},
                "left": 0,
                "kept_out": 0,
                "rate_bps": 5_000,
            }
        ]

    def test_cannot_be_grouped_by_anything(self) -> None:
        with pytest.raises(CommandError, match="no grouping by buyer"):
            call_command("acceptance", "--by", "psp,buyer")

    def test_is_found_by_the_index_of_what_ended(self, world: World, ann: Seller) -> None:
        query = database.queries("payments", "figures.sql")["ended_attempts"]
        database.execute("SET LOCAL enable_seqscan = off")
        now = timezone.now()

        asked = {"since": now - timedelta(days=1), "until": now, "slice": HOUR, "most": 100, "shops": False}
        plan = database.fetch_tuples(f"EXPLAIN {query}", asked)

        lines = "\n".join(line for (line,) in plan)
        assert "attempt_ended" in lines
        assert "payments_checkout" not in lines, "shops are looked up only where they are asked for"


class TestAProvidersHealth:
    def test_is_what_its_calls_were(self, world: World) -> None:
        for took in range(1, 21):
            call("succeeded", took_ms=took * 10)
        call("unknown", took_ms=10_000)
        call("not_sent", took_ms=0)
        call("succeeded", ago=timedelta(minutes=16), took_ms=9_999)

        [found] = provider_health(psps=["stripe"], now=timezone.now())

        assert (found.calls, found.unanswered, found.not_sent, found.verdict) == (21, 1, 1, "partly")
        assert (found.p50_ms, found.p95_ms, found.unanswered_percent) == (110, 200, 9)
        assert found.last_answer is not None

    @pytest.mark.parametrize(
        ("outcomes", "verdict"),
        [([], "idle"), (["succeeded", "declined"], "answers"), (["unknown"] * 2, "silent"), (["not_sent"], "silent")],
    )
    def test_is_one_word(self, world: World, outcomes: list[str], verdict: str) -> None:
        for outcome in outcomes:
            call(outcome)

        assert [one.verdict for one in provider_health(psps=["stripe"], now=timezone.now())] == [verdict]

    def test_tells_its_last_answer_from_before(self, world: World) -> None:
        call("declined", ago=timedelta(hours=3))

        [found] = provider_health(psps=["stripe"], now=timezone.now())

        assert found.last_answer is not None
        assert timezone.now() - found.last_answer >= timedelta(hours=3)

    def test_counts_what_was_passed_on(
        self, world: World, ann: Seller, breaker: Break, mollie: Mollie, settings: Any
    ) -> None:
        settings.PSP_ROUTES = {"*": ["stripe", "mollie"]}
        breaker()
        world.order("cart-1", {"ann": "10.00"})
        out = StringIO()

        call_command("psp_health", "--json", stdout=out)

        found = {one["psp"]: one for one in json.loads(out.getvalue())["providers"]}
        assert (found["stripe"]["passed_on"], found["mollie"]["passed_on"]) == (1, 0)
        assert (found["stripe"]["not_sent"], found["mollie"]["verdict"]) == (1, "answers")


class TestWhatIsWatched:
    def test_is_a_provider_that_leaves_calls_unanswered(self, world: World) -> None:
        for outcome in ["succeeded"] * 7 + ["unknown"] * 2:
            call(outcome)
        assert readings("payments.provider_unanswered") == [("psp:stripe", False)]
        call("unknown")

        assert readings("payments.provider_unanswered") == [("psp:stripe", True)]

    def test_is_a_provider_that_a_breaker_leaves_alone_although_it_answered_until_lately(self, world: World) -> None:
        """The few calls that find out whether it answers again are no measure of what it would leave unanswered."""
        for outcome in ["succeeded"] * 30 + ["unknown"] * 3 + ["not_sent"] * 7:
            call(outcome)
        assert readings("payments.provider_unanswered") == [("psp:stripe", True)]

        found = [one for one in read_alerts(now=timezone.now()) if one.code == "payments.provider_unanswered"]
        assert [(one.reading.figure, one.reading.text) for one in found] == [
            ("10 of 40 calls", "stripe left 3 of 33 calls unanswered in 15 min, and was left alone with 7 more")
        ]

    @pytest.mark.parametrize(("minutes", "wrong"), [(29, False), (31, True)])
    def test_is_a_payment_without_an_outcome(self, world: World, ann: Seller, minutes: int, wrong: bool) -> None:
        world.provider.plan([{"op": "checkout.session.create", "action": "drop"}])
        world.order("cart-1", {"ann": "10.00"})
        Attempt.objects.update(state_since=timezone.now() - timedelta(minutes=minutes))

        assert readings("payments.orders_stuck") == [("orders:in_flight", wrong)]

    def test_is_a_page_that_was_not_closed_in_time(self, world: World, ann: Seller) -> None:
        world.order("cart-1", {"ann": "10.00"})
        assert readings("payments.orders_stuck") == [("orders:in_flight", False)]

        Checkout.objects.update(expires_at=timezone.now() - timedelta(minutes=31))
        assert readings("payments.orders_stuck") == [("orders:in_flight", True)]

    def test_is_no_page_whose_buyer_has_paid_and_whose_bank_takes_its_time(self, world: World, ann: Seller) -> None:
        world.order("cart-1", {"ann": "10.00"})
        Checkout.objects.update(expires_at=timezone.now() - timedelta(days=1))
        Attempt.objects.update(processing_since=timezone.now() - timedelta(days=1))

        assert readings("payments.orders_stuck") == [("orders:in_flight", False)]

    def test_is_no_payment_that_a_person_reviews(self, world: World, ann: Seller, settings: Any) -> None:
        settings.RISK_CHECK, settings.RISK_REVIEW_ABOVE_MINOR = "lists", {"EUR": 1}
        world.order("cart-1", {"ann": "10.00"})
        Attempt.objects.update(state_since=timezone.now() - timedelta(hours=5))

        assert readings("payments.orders_stuck") == [("orders:in_flight", False)]

    def test_is_an_hour_far_below_its_week(self, world: World, ann: Seller, settings: Any) -> None:
        settings.ALERT_ACCEPTANCE_LEAST = 3
        for number in range(4):
            ended(world, number, "succeed", ago=timedelta(days=1))
        for number in range(4, 6):
            ended(world, number, "decline", error="do_not_honor")
        assert readings("payments.acceptance_fell") == [("psp:stripe", False)]
        ended(world, 6, "succeed")

        assert readings("payments.acceptance_fell") == [("psp:stripe", True)]
        assert review_alerts(now=timezone.now())[0] == 1

    def test_is_no_hour_as_good_as_its_week(self, world: World, ann: Seller, settings: Any) -> None:
        settings.ALERT_ACCEPTANCE_LEAST = 1
        ended(world, 1, "decline", error="do_not_honor", ago=timedelta(days=1))
        ended(world, 2, "decline", error="do_not_honor")

        assert readings("payments.acceptance_fell") == [("psp:stripe", False)]

    def test_is_an_hour_beside_a_sample_of_each_hour_of_its_week(
        self, world: World, ann: Seller, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.ALERT_ACCEPTANCE_LEAST = 3
        monkeypatch.setattr("payments.alerts.SAMPLE", 2)
        # The first two of an hour count: of a campaign that failed for an hour, no more than of any other hour.
        long_ago = timezone.now() - timedelta(days=1, hours=1, minutes=30)
        for number, event in enumerate(("succeed", "succeed", "decline", "decline", "decline")):
            ended(world, number, event, ago=timezone.now() - long_ago - number * timedelta(seconds=10))
        ended(world, 5, "succeed", ago=timedelta(days=2))
        for number in range(6, 9):
            ended(world, number, "decline")

        [alert] = [one for one in read_alerts(now=timezone.now()) if one.code == "payments.acceptance_fell"]

        assert alert.reading.text == "stripe accepted 0% of 3 in the last hour, after 100% in the week before"

    def test_is_webhooks_that_did_not_come(self, world: World) -> None:
        now = timezone.now()
        for missing in (2, 2, 1):
            EventListing.objects.create(
                psp="stripe", since=now - HOUR, until=now, listed=9, missing=missing, actor="x", ran_at=now
            )

        assert readings("payments.webhooks_missed") == [("psp:stripe", True)]

    def test_is_a_list_of_events_that_cannot_be_had(self, world: World) -> None:
        began = timezone.now()
        world.provider.plan([{"op": "event.list", "action": "error_503", "times": 0}])
        for minutes in (5, 10, 15):
            assert readings("payments.webhooks_missed") == [("psp:stripe", False)]
            with pytest.raises(ListingFailed):
                sync_events(psp="stripe", actor="system:test", now=began + timedelta(minutes=minutes))
            with money_tx("test.whatever_is_next"):
                """Calls are kept with what is written next."""

        assert readings("payments.webhooks_missed") == [("psp:stripe", True)]

    def test_is_no_list_that_was_had_again(self, world: World) -> None:
        now = timezone.now()
        for _ in range(3):
            call("declined", op="event.list")
        sync_events(psp="stripe", actor="system:test", now=now - timedelta(minutes=50))

        assert readings("payments.webhooks_missed") == [("psp:stripe", False)]

    def test_is_webhooks_that_wait(self, world: World, settings: Any) -> None:
        settings.ALERT_WEBHOOKS_PARKED = 1
        with money_tx("test.event"):
            enqueue(kind="payments.handle_event", key="stripe:evt_1", args={}, run_at=timezone.now() + HOUR)
        assert readings("payments.webhooks_parked") == [("webhooks:parked", False)]
        Job.objects.filter(key="stripe:evt_1").update(attempts=1)

        assert readings("payments.webhooks_parked") == [("webhooks:parked", True)]

    @pytest.mark.parametrize(
        ("count", "said"),
        [
            (
                1,
                {
                    "payments.provider_unanswered": "stripe left 1 of 1 call unanswered in 15 min",
                    "payments.webhooks_missed": "1 webhook of stripe did not come in the last hour, and was found in "
                    "its own list",
                    "payments.webhooks_parked": "1 event of a provider was tried and waits for something that is not "
                    "known here",
                },
            ),
            (
                2,
                {
                    "payments.provider_unanswered": "stripe left 2 of 2 calls unanswered in 15 min",
                    "payments.webhooks_missed": "2 webhooks of stripe did not come in the last hour, and were found in "
                    "its own list",
                    "payments.webhooks_parked": "2 events of providers were tried and wait for something that is not "
                    "known here",
                },
            ),
        ],
    )
    def test_is_told_in_the_number_that_it_is_of(self, world: World, count: int, said: dict[str, str]) -> None:
        now = timezone.now()
        EventListing.objects.create(
            psp="stripe", since=now - HOUR, until=now, listed=9, missing=count, actor="x", ran_at=now
        )
        for number in range(count):
            call("unknown")
            with money_tx("test.event"):
                enqueue(kind="payments.handle_event", key=f"stripe:{number}", args={}, run_at=now + HOUR)
        Job.objects.filter(kind="payments.handle_event").update(attempts=1)

        texts = {alert.code: alert.reading.text for alert in read_alerts(now=timezone.now())}

        assert {code: texts[code] for code in said} == said
