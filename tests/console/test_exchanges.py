"""A currency exchange on the page of its journal entry."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from ledger.models import JournalEntry
from tests.console.journals import text_of
from tests.ledger.test_posting import book, captured
from tests.ledger.test_recipes_treasury import exchanged

SignIn = Callable[[str], Client]


@pytest.mark.django_db
class TestAnExchange:
    def test_shows_its_three_amounts_the_fee_and_the_rate(self, sign_in: SignIn) -> None:
        book(exchanged())
        entry = JournalEntry.objects.get()

        text = text_of(sign_in("vera").get(reverse("admin:ledger_journalentry_change", args=[entry.pk])))

        for shown in (
            "€100.00",
            "$106.17",
            "$108.34",
            "$2.17",
            "1 EUR = 1.0834 USD (stripe, 2026-03-14T12:00:00+00:00)",
        ):
            assert shown in text

    def test_is_nothing_that_another_entry_shows(self, sign_in: SignIn) -> None:
        book(captured())
        entry = JournalEntry.objects.get()

        text = text_of(sign_in("vera").get(reverse("admin:ledger_journalentry_change", args=[entry.pk])))

        assert "Currency exchange" not in text
