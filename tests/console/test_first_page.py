"""The first page: it tells of all that waits for a person, and each figure leads to what it counts."""

import re
from collections.abc import Callable
from datetime import timedelta

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from operations.edges import money_tx
from operations.models import HumanTask
from operations.services import request_approval
from payments.models import PaymentOrder, Refund
from payments.risk import Verdict
from payments.services.risk import _act_on
from reconciliation.services import assign_discrepancy
from tests.console.journals import text_of
from tests.console.whole import a_discrepancy
from tests.console.world import World, brl, eur

SignIn = Callable[[str], Client]
FRONT = "admin:index"


def led_to(browser: Client, title: str) -> str:
    """Return the text of the page to which a card of the first page leads."""
    front = browser.get(reverse(FRONT)).content.decode()
    cards = re.findall(r'<a class="cf-card [^"]*" href="([^"]*)">(.*?)</a>', front, re.DOTALL)
    address = next(href for href, inside in cards if title in inside)
    return text_of(browser.get(address.replace("&amp;", "&")))


def above_the_limit(world: World) -> Refund:
    """Have a refund wait for a second person."""
    order = world.sale(("Ann's Lamps", brl(5_000))).orders.get()
    with money_tx("test.ask"):
        PaymentOrder.objects.filter(pk=order.pk).update(refunded_minor=order.amount_minor)
        refund = Refund.objects.create(
            order=order,
            amount_minor=order.amount_minor,
            currency=order.currency,
            params={},
            psp_key=f"refund:{order.pk}",
            requested_by="storefront:demo",
            needs_approval=True,
            created_at=world.now,
            state_since=world.now,
        )
        request_approval(
            kind="payments.refund",
            subject=f"refund:{refund.pk}",
            payload={},
            maker=refund.requested_by,
            reason="above the limit",
            now=world.now,
        )
    return refund


class TestTheFirstPage:
    def test_tells_of_questions_and_of_alerts_among_them(self, market: World, sign_in: SignIn) -> None:
        browser = sign_in("oscar")
        calm = text_of(browser.get(reverse(FRONT)))
        market.paid_twice(market.sale(("Ann's Lamps", brl(5_000))))
        asked = text_of(browser.get(reverse(FRONT)))
        HumanTask.objects.create(
            kind="operations.dead_letters", subject="jobs:dead", reason="one is dead", since=market.now
        )
        alarmed = text_of(browser.get(reverse(FRONT)))

        assert "Questions none every figure that is watched is right" in calm
        assert "Questions 1 what was paid twice could not be sent back" in asked
        assert "Questions 2 one is dead" in alarmed
        assert "what was paid twice could not be sent back" in led_to(browser, "Questions")

    def test_tells_which_refunds_wait_for_a_second_person(self, market: World, sign_in: SignIn) -> None:
        browser = sign_in("anna")
        before = text_of(browser.get(reverse(FRONT)))
        refund = above_the_limit(market)

        assert "Refunds for a second person none" in before
        assert "Refunds for a second person 1" in text_of(browser.get(reverse(FRONT)))
        assert refund.pk in led_to(browser, "Refunds for a second person")

    def test_tells_which_payments_the_risk_check_holds(self, market: World, sign_in: SignIn) -> None:
        checkout, browser = market.checkout(("Ann's Lamps", eur(90_000)), registered=False), sign_in("anna")
        before = text_of(browser.get(reverse(FRONT)))
        verdict = Verdict(decision="review", rule="large_amount", reason="above the limit")
        with money_tx("test"):
            _act_on(checkout.attempts.get().pk, verdict, kind="lists", now=timezone.now())

        assert "Payments to look at none" in before
        assert "Payments to look at 1" in text_of(browser.get(reverse(FRONT)))
        assert checkout.pk in led_to(browser, "Payments to look at")

    def test_tells_which_disputes_want_evidence(self, market: World, sign_in: SignIn) -> None:
        browser = sign_in("oscar")
        before = text_of(browser.get(reverse(FRONT)))
        dispute = market.inquiry(market.sale(("Ann's Lamps", brl(5_000))))

        assert "Disputes that want evidence none" in before
        assert "Disputes that want evidence 1" in text_of(browser.get(reverse(FRONT)))
        assert dispute.pk in led_to(browser, "Disputes that want evidence")


class TestWhatIsOwedToSellers:
    def test_counts_what_left_their_balances_and_has_not_arrived(self, market: World, sign_in: SignIn) -> None:
        browser = sign_in("oscar")
        market.release(market.sale(("Ann's Lamps", brl(5_000))))
        before = text_of(browser.get(reverse(FRONT)))
        market.batch()
        proposed = text_of(browser.get(reverse(FRONT)))

        assert "Owed to sellers R$135.00 of which may be paid out: R$45.00 in payouts under way: nothing" in before
        assert "Owed to sellers R$135.00 of which may be paid out: nothing in payouts under way: R$45.00" in proposed


class TestAFigureOfTheFirstPage:
    def test_counts_a_discrepancy_that_somebody_looks_into_and_leads_to_it(self, world: World, sign_in: SignIn) -> None:
        found, browser = a_discrepancy(), sign_in("oscar")
        assign_discrepancy(discrepancy=found.pk, owner="user:oscar", actor="user:oscar", now=timezone.now())

        assert "Open discrepancies 1" in text_of(browser.get(reverse(FRONT)))
        assert found.reference in led_to(browser, "Open discrepancies")

    def test_leads_to_what_was_captured_on_that_day_only(self, market: World, sign_in: SignIn) -> None:
        market.sale(("Ann's Lamps", brl(7_700)), at=market.now - timedelta(days=3))

        captured = led_to(sign_in("vera"), "Captured today")

        assert "R$100.00" in captured
        assert "R$77.00" not in captured

    def test_leads_to_the_day_s_lines_of_the_commission(self, market: World, sign_in: SignIn) -> None:
        market.sale(("Ann's Lamps", brl(7_700)), at=market.now - timedelta(days=3))

        lines = led_to(sign_in("vera"), "Commission today")

        assert "platform:commission in BRL" in lines
        assert "R$10.00" in lines
        assert "Payment captured" in lines
