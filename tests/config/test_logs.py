"""The log: one line a fact, nothing that harms its reader, and never a card number."""

import logging
import sys

import pytest
from django.test import Client

from config.logs import OneLineFormatter
from config.middleware import request_id

CARD = "4242424242424242"
# What some tools split lines at, beside those that everybody knows.
LINE_ENDS = ["a\x85b", "a\u2028b", "a\u2029b"]


def line(message: str, *args: object, failing: str = "", called_from: str | None = None) -> str:
    """Return what a message looks like in the log."""
    record = logging.LogRecord("payouts", logging.INFO, "", 0, message, args, None)
    record.request_id = "req_1"
    record.stack_info = called_from
    if failing:
        try:
            raise ValueError(f"refused {failing}")
        except ValueError:
            record.exc_info = sys.exc_info()
    return OneLineFormatter().format(record)


class TestALine:
    def test_says_when_where_and_for_which_request(self) -> None:
        words = line("paid %s", "pay_1").split()

        assert words[0].endswith("Z")
        assert words[1:] == ["INFO", "payouts", "[req_1]", "paid", "pay_1"]

    @pytest.mark.bad_input("B25")
    @pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "a\x1b[31mb", "a\x00b", "a\x7fb", "a\x08b", *LINE_ENDS])
    def test_stays_one_line_without_control_characters(self, text: str) -> None:
        found = line("note: %s", text)

        assert "\n" not in found
        assert all(character.isprintable() for character in found)

    @pytest.mark.bad_input("B35")
    @pytest.mark.parametrize(
        "card", [CARD, "4242 4242 4242 4242", "4242-4242-4242-4242", "378282246310005", "6304000000000000000"]
    )
    def test_shows_no_card_number(self, card: str) -> None:
        digits = "".join(filter(str.isdigit, card))

        found = line("note: %s", f"card {card}, please")

        assert f"card {digits[:6]}…{digits[-4:]}, please" in found

    @pytest.mark.bad_input("B35")
    @pytest.mark.parametrize("between", ["\n", "\t", "\u2028", "\x00", "\u00a0"])
    def test_shows_no_card_number_with_a_control_character_in_it(self, between: str) -> None:
        assert "card 424242…4242, please" in line("note: %s", f"card {between.join(['4242'] * 4)}, please")

    @pytest.mark.bad_input("B25")
    @pytest.mark.parametrize("text", [*LINE_ENDS, "a\x1b[31mb"])
    def test_has_no_other_line_ends_in_a_traceback_either(self, text: str) -> None:
        found = line("it failed", failing=text)

        assert "a?" in found
        assert found.splitlines() == found.split("\n")

    def test_shows_no_card_number_in_a_traceback_either(self) -> None:
        found = line("it failed", failing=CARD)

        assert "Traceback" in found
        assert CARD not in found
        assert "424242…4242" in found

    def test_shows_no_card_number_where_it_was_called_from_either(self) -> None:
        found = line("here", called_from=f"Stack (most recent call last):\n  pay({CARD!r})\x1b")

        assert found.endswith("pay('424242…4242')?")

    @pytest.mark.bad_input("B36")
    @pytest.mark.parametrize(
        "ours", ["pay_01m82cf2evcmm17vecjesszxys", "1795376518", "DE89370400440532013000", "ch_3Q1234567890123456"]
    )
    def test_leaves_our_own_ids_readable(self, ours: str) -> None:
        assert ours in line("note: %s", ours)


class TestTheRequestsName:
    def test_is_the_clients_where_it_is_harmless(self, client: Client) -> None:
        assert client.get("/healthz", headers={"X-Request-Id": "shop-12345678"})["X-Request-Id"] == "shop-12345678"

    @pytest.mark.parametrize("given", ["", "short", "a" * 65, "has space", "nasty\tone12", "ünïcödé-name"])
    def test_is_ours_where_it_is_not(self, client: Client, given: str) -> None:
        named = client.get("/healthz", headers={"X-Request-Id": given})["X-Request-Id"]

        assert named.startswith("req_")
        assert request_id.get() == "-"
