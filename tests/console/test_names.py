"""Whose account it is: sellers are called by name wherever their accounts stand."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from ledger.models import Account, JournalEntry
from operations.names import names_of
from tests.console.journals import ANN, REASON, WRITE, page, text_of, written
from tests.console.world import World

SignIn = Callable[[str], Client]


class TestNames:
    def test_are_found_behind_subjects_and_account_codes(self, market: World) -> None:
        ann = market.seller(ANN).pk

        found = names_of([f"seller:{ann}", f"seller:{ann}:pending", "seller:sel_nobody:pending", "bank:main", "plain"])

        assert found == {f"seller:{ann}": ANN, f"seller:{ann}:pending": ANN}

    @pytest.mark.parametrize("form", ["list", "page"])
    def test_stand_with_the_accounts(self, form: str, market: World, sign_in: SignIn) -> None:
        account = Account.objects.get(code=f"seller:{market.seller(ANN).pk}:pending")
        address = {
            "list": reverse("admin:ledger_account_changelist"),
            "page": reverse("admin:ledger_account_change", args=[account.pk]),
        }[form]

        assert f"{account.code} {ANN}" in text_of(sign_in("vera").get(address))

    def test_stand_with_the_lines_of_an_entry(self, market: World, sign_in: SignIn) -> None:
        entry = JournalEntry.objects.get(recipe="payment_captured")
        browser = sign_in("vera")
        code = f"seller:{market.seller(ANN).pk}:pending"

        for address in (
            reverse("admin:ledger_journalentry_change", args=[entry.pk]),
            reverse("admin:payments_checkout_change", args=[entry.subject.removeprefix("checkout:")]),
            reverse("admin:ledger_journalline_changelist"),
        ):
            assert f"{code} {ANN}" in text_of(browser.get(address)), address

    def test_stand_in_a_manual_journal_and_among_its_suggestions(self, market: World, sign_in: SignIn) -> None:
        code = f"seller:{market.seller(ANN).pk}:pending"
        browser = sign_in("oscar")
        journal = written(browser, (code, "1.00", "", "BRL", ""), ("rounding", "", "1.00", "BRL", ""))

        assert text_of(browser.get(page("submit", journal))).count(f"{code} {ANN}") == 2
        assert f'<option value="{code}">{ANN}: '.replace("'", "&#x27;") in browser.get(reverse(WRITE)).content.decode()
        assert journal.description == REASON

    def test_head_the_statements(self, market: World, sign_in: SignIn) -> None:
        ann = market.seller(ANN).pk
        browser = sign_in("vera")

        statement = browser.get(
            reverse("admin:ledger_account_statement"), {"account": f"seller:{ann}:pending", "currency": "BRL"}
        )
        of_seller = browser.get(reverse("admin:ledger_account_seller_statement"), {"seller": ann, "currency": "BRL"})

        assert f"{ANN}: earned, not yet delivered" in text_of(statement)
        assert f"{ANN} in BRL" in text_of(of_seller)

    def test_lead_from_the_sellers_page_to_the_statement(self, market: World, sign_in: SignIn) -> None:
        ann = market.seller(ANN).pk

        text = sign_in("vera").get(reverse("admin:payments_seller_change", args=[ann])).content.decode()

        address = reverse("admin:ledger_account_seller_statement")
        assert f'href="{address}?seller={ann}&amp;currency=BRL"' in text

    def test_lead_back_to_a_seller_that_there_is(self, market: World, sign_in: SignIn) -> None:
        ann = market.seller(ANN).pk
        browser, address = sign_in("vera"), reverse("admin:ledger_account_seller_statement")

        known = text_of(browser.get(address, {"seller": ann, "currency": "BRL"}))
        unknown = text_of(browser.get(address, {"seller": "sel_nobody", "currency": "BRL"}))

        assert known.count("Seller and wallets") == unknown.count("Seller and wallets") + 1


class TestEntryPage:
    def test_balances_in_its_currency_and_is_called_by_its_event(self, market: World, sign_in: SignIn) -> None:
        entry = JournalEntry.objects.get(recipe="payment_captured")

        text = text_of(sign_in("vera").get(reverse("admin:ledger_journalentry_change", args=[entry.pk])))

        assert "Total R$100.00 R$100.00" in text
        assert f"Entry {entry.pk}: payment captured" in text
        assert "payment_captured" not in text
