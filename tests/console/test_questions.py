"""What waits for a person in the console: questions, money paid twice, risk reviews."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from operations import switchboard
from operations.admin.guidance import GUIDES, what_to_do
from operations.edges import money_tx
from operations.lifecycle import move
from operations.models import Approval, AuditEntry, HumanTask, Job
from operations.services import ask_person
from payments.models import Attempt, Checkout, PaymentOrder, RiskVerdict, Surplus
from payments.risk import Verdict
from payments.services.risk import _act_on
from tests.console.journals import text_of
from tests.console.world import World, eur

SignIn = Callable[[str], Client]


class TestAQuestion:
    def test_is_counted_in_the_sidebar_and_told_on_the_page_that_it_is_about(
        self, world: World, sign_in: SignIn
    ) -> None:
        browser, task = sign_in("oscar"), HumanTask.objects.get()
        checkout = task.subject.partition(":")[2]

        front = browser.get(reverse("admin:index")).content.decode()
        page = browser.get(reverse("admin:payments_checkout_change", args=[checkout])).content.decode()

        assert "Questions" in front
        assert "what was paid twice could not be sent back" in page

    def test_is_closed_with_a_note(self, world: World, sign_in: SignIn) -> None:
        task = HumanTask.objects.get()
        address = reverse("admin:operations_humantask_close", args=[task.pk])

        sign_in("oscar").post(address, {"reason": "sent by bank transfer"})

        task.refresh_from_db()
        assert (task.state, task.closed_by, task.note) == ("done", "user:oscar", "sent by bank transfer")
        assert AuditEntry.objects.get(action="operations.task.closed").actor == "user:oscar"

    def test_says_what_to_do_and_leads_to_where(self, world: World, sign_in: SignIn) -> None:
        browser, task = sign_in("oscar"), HumanTask.objects.get()

        page = browser.get(reverse("admin:operations_humantask_change", args=[task.pk])).content.decode()
        to = re.search(r'another way and book that[^<]*<a class="cf-link" href="([^"]+)"', page)

        assert to is not None
        assert Surplus.objects.get().charge_ref in browser.get(to[1]).content.decode()

    def test_is_not_closed_by_a_button_that_could_mean_the_page(self, world: World, sign_in: SignIn) -> None:
        page = sign_in("oscar").get(reverse("admin:operations_humantask_change", args=[HumanTask.objects.get().pk]))

        assert "Close the question" in text_of(page)

    def test_of_every_kind_has_a_guide_whose_page_opens(self, world: World, sign_in: SignIn) -> None:
        runbook = Path("docs/operations.md").read_text()
        browser = sign_in("oscar")

        assert set(switchboard.table("ALERTS")) <= set(GUIDES)
        for kind in GUIDES:
            assert f"`{kind}`" in runbook, kind
            for address in re.findall(r'href="([^"]+)"', str(what_to_do(kind)[0])):
                assert browser.get(address.replace("&amp;", "&")).status_code == 200, kind

    def test_that_is_long_shows_in_the_list_that_more_follows(self, market: World, sign_in: SignIn) -> None:
        HumanTask.objects.create(kind="payments.stuck", subject="x:1", reason="word " * 100, since=market.now)

        assert "…" in text_of(sign_in("oscar").get(reverse("admin:operations_humantask_changelist")))

    def test_keeps_a_refund_that_ended_waiting_for_a_person(self, market: World, sign_in: SignIn) -> None:
        refund = market.refund(market.sale(("Ann's Lamps", eur(5_000))))
        with money_tx("test.fail"):
            move(refund, "send", actor="system:jobs", now=market.now, sent_at=market.now)
            move(refund, "fail", actor="psp:stripe", now=market.now)
            ask_person(
                kind="payments.refund_failed",
                subject=f"refund:{refund.pk}",
                reason="50.00 EUR could not be given back",
                waits_for="finance",
                now=market.now,
            )
        browser = sign_in("oscar")

        for address in ("refund_change", "refund_changelist", "checkout_change"):
            keys = {"refund_change": [refund.pk], "checkout_change": [refund.order.checkout_id]}.get(address, [])
            page = text_of(browser.get(reverse(f"admin:payments_{address}", args=keys)))
            assert "nobody: it is over" not in page
            assert re.search(r"person, (to answer the question about it, )?since", page), address


class TestMoneyPaidTwice:
    def test_is_sent_back_again_under_a_new_key(self, world: World, sign_in: SignIn) -> None:
        surplus = Surplus.objects.get()
        key = surplus.psp_key

        sign_in("oscar").post(reverse("admin:payments_surplus_send_again", args=[surplus.pk]))

        surplus.refresh_from_db()
        assert (surplus.state, surplus.psp_key) == ("sending", f"{key}:again1")
        assert Job.objects.filter(kind="payments.send_back", state="todo").count() == 1
        assert HumanTask.objects.get().state == "settled"


class TestARiskReview:
    @pytest.fixture
    def held(self, market: World) -> Checkout:
        checkout = market.checkout(("Ann's Lamps", eur(90_000)), registered=False)
        verdict = Verdict(decision="review", rule="large_amount", reason="above the limit")
        with money_tx("test"):
            _act_on(checkout.attempts.get().pk, verdict, kind="lists", now=timezone.now())
        return checkout

    def test_is_told_on_the_page_and_let_pass_by_an_approver(self, held: Checkout, sign_in: SignIn) -> None:
        page = sign_in("vera").get(reverse("admin:payments_checkout_change", args=[held.pk])).content.decode()
        assert "The risk check wants somebody to look at this payment: above the limit." in page

        sign_in("anna").post(reverse("admin:payments_checkout_let_pass", args=[held.pk]), {"reason": "I know her"})

        assert RiskVerdict.objects.get(check_kind="person").decided_by == "user:anna"
        assert list(Attempt.objects.filter(checkout=held).order_by("number").values_list("state", flat=True)) == [
            "abandoned",
            "created",
        ]

    def test_is_counted_in_the_sidebar_and_found_from_there(self, held: Checkout, sign_in: SignIn) -> None:
        page = sign_in("anna").get(reverse("admin:index")).content.decode()

        link = r'href="([^"]+)"[^>]*>(?:(?!</a>).)*Payments to look at</span>\s*<span[^>]*>\s*1\b'
        counted = re.search(link, page, re.DOTALL)
        assert counted is not None
        listed = sign_in("anna").get(counted[1].replace("&amp;", "&"))
        assert held.pk in text_of(listed)
        assert "Payments to look at" not in sign_in("vera").get(reverse("admin:index")).content.decode()

    def test_is_refused_by_an_approver(self, held: Checkout, sign_in: SignIn) -> None:
        sign_in("anna").post(reverse("admin:payments_checkout_refuse", args=[held.pk]), {"reason": "a fraud"})

        assert PaymentOrder.objects.get(checkout=held).state == "FAILED"
        assert Approval.objects.get().note == "a fraud"
