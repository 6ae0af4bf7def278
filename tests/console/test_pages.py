import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from ledger.selectors import balance, entries_about, trial_balance
from ledger.services import verify_books
from operations.admin_base import WindowAdmin
from payments.models import Checkout, ProviderCall
from payouts.models import Payout
from reconciliation.models import Statement
from tests.console.whole import the_payout
from tests.console.world import World, brl, eur

SignIn = Callable[[str], Client]
HOSTILE = "<script>alert(1)</script> \u202egnp.exe"


def text_of(browser: Client, address: str) -> str:
    answer = browser.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


class TestACallToTheProvider:
    def test_stands_on_its_checkouts_page_and_shows_the_answer_on_its_own(self, world: World, sign_in: SignIn) -> None:
        call = ProviderCall.objects.get()
        checkout = Checkout.objects.get(attempts__pk=call.about.partition(":")[2])
        browser = sign_in("augusto")

        page = text_of(browser, reverse("admin:payments_checkout_change", args=[checkout.pk]))
        answer = text_of(browser, reverse("admin:payments_providercall_change", args=[quote(call.pk)]))

        assert reverse("admin:payments_providercall_change", args=[quote(call.pk)]) in page
        assert "1,234 ms" in page
        assert ">200<" in re.sub(r"\s", "", answer)
        assert "&quot;id&quot;: &quot;cs_1&quot;" in answer
        assert "<script>alert(1)" not in answer


class TestFirstPage:
    def test_tells_the_morning_in_figures(self, world: World, sign_in: SignIn) -> None:
        world.sale(("Bob's Books", brl(10_000)), ("Ann's Lamps", brl(2_345)))

        text = text_of(sign_in("augusto"), reverse("admin:index"))

        clearing = balance(code="psp:stripe:clearing", currency="BRL")
        assert f"{brl(12_345).display}" in text
        assert f"{brl(1_235).display}" in text
        assert str(clearing.display) in text
        assert str(brl(13_545).display) in text
        assert "refunds" in text
        assert ">proved<" in text

    def test_asks_for_somebody_when_the_hourly_proof_did_not_run(self, world: World, sign_in: SignIn) -> None:
        verify_books(actor="system:test", now=timezone.now() - timedelta(hours=3))

        text = text_of(sign_in("augusto"), reverse("admin:index"))

        assert "the hourly proof is overdue" in text

    def test_shows_nothing_to_a_person_without_a_role(self, world: World, sign_in: SignIn) -> None:
        from django.contrib.auth.models import User

        browser = Client()
        browser.force_login(User.objects.create(username="sven", is_staff=True))

        text = text_of(browser, reverse("admin:index"))

        assert "You have no role yet" in text
        assert "R$" not in text

    def test_counts_what_waits_in_the_sidebar(self, world: World, sign_in: SignIn) -> None:
        text = text_of(sign_in("oscar"), reverse("admin:index"))

        titles = re.findall(r"<span>([^<]+)</span>\s*<span class=\"[^\"]*\">\s*(\d+)", text)
        assert ("Payout batches", "1") in titles
        assert ("Discrepancies", "1") in titles
        assert ("Jobs and dead letters", "1") in titles

    def test_shows_the_sections_that_a_role_may_see(self, world: World, sign_in: SignIn) -> None:
        viewer = text_of(sign_in("vera"), reverse("admin:index"))
        auditor = text_of(sign_in("augusto"), reverse("admin:index"))

        assert "Audit trail" not in viewer
        assert "Audit trail" in auditor
        assert all(section in viewer for section in ("Money in", "The books", "Money out", "Reconciliation"))


class TestTrialBalance:
    def test_sums_debits_and_credits_to_the_same(self, world: World, sign_in: SignIn) -> None:
        text = text_of(sign_in("vera"), reverse("admin:ledger_account_trial_balance"))

        totals = re.search(r"<tfoot>.*?</tfoot>", text, re.DOTALL)
        assert totals is not None
        debit, credit = re.findall(r"R\$[\d,.]+", totals.group())
        debits = sum(found.debit_minor for found in trial_balance(currency="BRL") if found.debit_minor > 0)
        assert debit == credit == str(brl(debits).display)

    def test_is_closed_to_people_without_the_books(self, world: World, sign_in: SignIn) -> None:
        from django.contrib.auth.models import User

        browser = Client()
        browser.force_login(User.objects.create(username="sven", is_staff=True))

        assert browser.get(reverse("admin:ledger_account_trial_balance")).status_code == 403


class TestCheckoutPage:
    def test_tells_the_whole_story(self, world: World, sign_in: SignIn) -> None:
        checkout = Checkout.objects.get(checkout_id="cart-00001")

        text = text_of(sign_in("vera"), reverse("admin:payments_checkout_change", args=[checkout.pk]))

        assert len(entries_about(subjects=[f"checkout:{checkout.pk}"])) >= 2
        for expected in (
            "order-00001-1",
            "order-00001-2",
            "ch_test_00001",
            "Payment captured",
            "Provider fee charged",
            "psp:stripe:clearing",
            "evt_test_00001",
            str(brl(15_050).display),
            "executing",
            "success",
        ):
            assert expected in text

    @pytest.mark.parametrize("wanted", ["cart-00001", "order-00001-2", "ch_test_00001", "cs_test_00000001"])
    def test_is_found_by_any_of_its_ids(self, wanted: str, world: World, sign_in: SignIn) -> None:
        text = text_of(sign_in("vera"), reverse("admin:payments_checkout_changelist") + f"?q={wanted}")

        assert "cart-00001" in text
        assert "cart-00002" not in text

    def test_is_filtered_by_the_state_of_its_orders(self, world: World, sign_in: SignIn) -> None:
        address = reverse("admin:payments_checkout_changelist")

        text = text_of(sign_in("vera"), f"{address}?orders__state__exact=EXECUTING")

        assert "cart-00003" in text
        assert "cart-00001" not in text


class TestSellerPage:
    def test_shows_the_least_commission_in_the_currency_that_has_one(self, world: World, sign_in: SignIn) -> None:
        lamps, books = (
            text_of(sign_in("augusto"), reverse("admin:payments_seller_change", args=[world.seller(who).pk]))
            for who in ("Ann's Lamps", "Bob's Books")
        )

        assert str(brl(250).display) in lamps
        assert "There is none: the rate alone counts" in books


class TestPayoutPage:
    def test_itemises_to_the_cent(self, world: World, sign_in: SignIn) -> None:
        payout = Payout.objects.order_by("pk")[0]

        text = text_of(sign_in("vera"), reverse("admin:payouts_payout_change", args=[payout.pk]))

        items = list(payout.items.all())
        assert sum(item.amount_minor for item in items) == payout.amount_minor
        assert all(item.order_id in text for item in items)
        assert str(payout.amount.display) in text


class TestStatementPage:
    def test_sums_the_dispositions_to_the_control_total(self, world: World, sign_in: SignIn) -> None:
        statement = Statement.objects.get()

        text = text_of(sign_in("vera"), reverse("admin:reconciliation_statement_change", args=[statement.pk]))

        assert str(brl(15_050 - 451 + 9_090 - 290).display) in text
        assert str(brl(15_050 - 451).display) in text
        assert "not looked at yet" not in text

    def test_leads_to_its_lines_by_disposition(self, world: World, sign_in: SignIn) -> None:
        statement = Statement.objects.get()
        address = reverse("admin:reconciliation_statementline_changelist")

        text = text_of(sign_in("vera"), f"{address}?statement__id__exact={statement.pk}&disposition=discrepancy")

        assert "ch_test_00002" in text
        assert "ch_test_00001" not in text


class TestHostileNames:
    @pytest.fixture
    def pages(self, world: World) -> list[str]:
        world.prefix = HOSTILE
        checkout = world.sale((HOSTILE, brl(7_700)), at=world.now)
        order = checkout.orders.get()
        world.release(checkout)
        payout = the_payout(world.batch())
        assert payout.seller_name == HOSTILE
        return [
            reverse("admin:index"),
            reverse("admin:payments_checkout_changelist"),
            reverse("admin:payments_checkout_change", args=[checkout.pk]),
            reverse("admin:payments_paymentorder_changelist"),
            reverse("admin:payments_paymentorder_change", args=[order.pk]),
            reverse("admin:payments_seller_changelist"),
            reverse("admin:payments_seller_change", args=[order.seller_id]),
            reverse("admin:payouts_payout_changelist"),
            reverse("admin:payouts_payout_change", args=[payout.pk]),
            reverse("admin:payouts_batch_change", args=[payout.batch_id]),
            reverse("admin:payouts_batch_approve", args=[payout.batch_id]),
        ]

    @pytest.mark.bad_input("B24")
    def test_are_shown_and_never_obeyed(self, pages: list[str], sign_in: SignIn) -> None:
        browser = sign_in("admin")

        shown = [text_of(browser, page) for page in pages]

        assert not any("<script>alert" in text for text in shown)
        assert not any("\u202e" in text for text in shown)
        assert sum("&lt;script&gt;alert(1)&lt;/script&gt; [U+202E]gnp.exe" in text for text in shown) >= len(pages) - 1


class TestQueries:
    """A list asks as often for fifty rows as for a few."""

    LISTS = tuple(
        sorted(
            f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
            for model, window in admin.site._registry.items()
            if isinstance(window, WindowAdmin)
        )
    )

    def test_do_not_grow_with_the_rows(self, world: World, sign_in: SignIn) -> None:
        browser = sign_in("augusto")
        pages = [*self.LISTS, "admin:index", "admin:ledger_account_trial_balance"]
        few = {page: self.queries(browser, page) for page in pages}
        for number in range(12):
            sold = world.sale((f"Shop {number}", brl(1_000 + number)), (f"Other {number}", brl(900)), fee_minor=60)
            world.refund(sold)
            world.release(sold)
            world.dead_job()
            world.checkout((f"Shop {number}", eur(2_000)), at=world.now - timedelta(minutes=number))
        world.batch()

        many = {page: self.queries(browser, page) for page in pages}

        assert {page: (few[page], many[page]) for page in pages if many[page] > few[page] + 1} == {}
        assert {page: count for page, count in many.items() if count > 30} == {}

    def queries(self, browser: Client, page: str) -> int:
        with CaptureQueriesContext(connection) as asked:
            assert browser.get(reverse(page)).status_code == 200
        return len(asked)


class TestEnvironment:
    def test_is_named_on_every_page(self, world: World, sign_in: SignIn) -> None:
        text = text_of(sign_in("vera"), reverse("admin:payments_checkout_changelist"))

        assert settings.ENV.capitalize() in text

    def test_asks_nothing_of_the_outside(self, world: World, sign_in: SignIn) -> None:
        text = text_of(sign_in("vera"), reverse("admin:index"))

        assert not re.findall(r"(?:src|href)=\"https?://", text)


class TestAcceptance:
    def address(self, query: str = "") -> str:
        return reverse("admin:payments_providercall_acceptance") + query

    def test_tells_how_the_providers_do_and_what_was_accepted(self, world: World, sign_in: SignIn) -> None:
        world.sale(("Bob's Books", brl(10_000)), at=timezone.now())

        page = re.sub(r"\s+", " ", text_of(sign_in("augusto"), self.address("?days=1")))

        assert "Providers in the last 15 minutes" in page
        assert "By provider and currency" in page
        assert "<td>BRL</td>" in page
        assert "100.0%" in page

    @pytest.mark.parametrize("query", ["", "?days=30", "?days=-1", "?days=<script>"])
    def test_is_of_seven_days_unless_another_span_is_known(self, sign_in: SignIn, world: World, query: str) -> None:
        page = text_of(sign_in("vera"), self.address(query))

        chosen = "Last 30 days" if query == "?days=30" else "Last 7 days"
        assert f'<strong aria-current="page">{chosen}</strong>' in page

    def test_is_reached_from_the_first_page(self, sign_in: SignIn, world: World) -> None:
        assert f'href="{self.address()}"' in text_of(sign_in("augusto"), reverse("admin:index"))
