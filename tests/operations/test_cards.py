"""What is taken for a card number, what is not, and what a log shows of one."""

import random
import secrets
import string
import time
import uuid

import pytest

from operations.card_schemes import SCHEMES, Scheme, is_card_number
from operations.cards import looks_like_card_number, mask_cards
from operations.ids import new_id

CARD = "4242424242424242"
IBAN, GROUPED_IBAN = "DE89370400440532013000", "DE89 3704 0044 0532 0130 00"
# 28 kB to 64 kB of what would take a pattern with two ways to match for ever.
LONG = {
    "digits": "4" * 65_536,
    "single digits": "4 " * 32_768,
    "pairs": "42 " * 21_845,
    "fours": "4241 " * 13_107,
    "as Amex has them": "4242 424242 42424 " * 3_640,
    "wide gaps": "4    " * 13_107,
    "spaces": CARD[:12] + " " * 65_536,
    "letters": CARD[:12] + "a" * 65_536,
    "letters and digits": CARD[:12] + "a1" * 32_768,
    "a phone and more": "+1 " + "4241 " * 13_107,
    "what begins like IBANs": "DE12 " * 13_107 + CARD[:-1] + "1",
    "escapes": "4%20" * 16_384,
    "pluses": "4+" * 32_768,
}
# Each as a person may write it, with the first six and the last four digits that a log may show.
WRITTEN = {
    CARD: "424242…4242",
    "4242 4242 4242 4242": "424242…4242",
    "4242-4242-4242-4242": "424242…4242",
    "4242.4242.4242.4242": "424242…4242",
    "4242_4242_4242_4242": "424242…4242",
    "4242  4242  4242  4242": "424242…4242",
    "4242 - 4242 - 4242 - 4242": "424242…4242",
    "4242 – 4242 – 4242 – 4242": "424242…4242",
    "4242\u00a04242\u00a04242\u00a04242": "424242…4242",
    "4242\u202f4242\u202f4242\u202f4242": "424242…4242",
    "4242\u20094242\u20094242\u20094242": "424242…4242",
    "4242\u200b4242\u200b4242\u200b4242": "424242…4242",
    "4242\t4242\t4242\t4242": "424242…4242",
    "4242 4242\n4242 4242": "424242…4242",
    "4242-42424242-4242": "424242…4242",
    "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2": "424242…4242",
    "42 42 42 42 42 42 42 42": "424242…4242",
    "3782 822463 10005": "378282…0005",
    "378282246310005": "378282…0005",
    "3056 930902 5904": "305693…5904",
    "4242424242424242-": "424242…4242-",
    "+4242424242424242": "+424242…4242",
    "card-4242424242424242": "card-424242…4242",
    "Bea4242424242424242": "Bea424242…4242",
    "4242424242424242EUR": "424242…4242EUR",
    "order 7 4242 4242 4242 4242": "order 7 424242…4242",
    "order 7 4242424242424242": "order 7 424242…4242",
    "4242 4242 4242 4242 12/29 123": "424242…4242 12/29 123",
    "2026-03-14 4242 4242 4242 4242 7": "2026-03-14 424242…4242 7",
    "cart-1,Bea,4242424242424242,12/29": "cart-1,Bea,424242…4242,12/29",
    "cart-1;4242 4242 4242 4242;12/29": "cart-1;424242…4242;12/29",
    "https://shop.example/?n=4242424242424242": "https://shop.example/?n=424242…4242",
    "https://shop.example/?n=4242+4242+4242+4242": "https://shop.example/?n=424242…4242",
    "https://shop.example/?n=4242%204242%204242%204242": "https://shop.example/?n=424242…4242",
    "https://shop.example/?n=my%204242424242424242": "https://shop.example/?n=my%20424242…4242",
    "https://shop.example/?to=%2F%3Fn%3D4242424242424242": "https://shop.example/?to=%2F%3Fn%3D424242…4242",
    r"'4242\xa04242\xa04242\xa04242'": "'424242…4242'",
    r"'\n4242424242424242'": r"'\n424242…4242'",
    "４２４２４２４２４２４２４２４２": "424242…4242",
    "٤٢٤٢ ٤٢٤٢ ٤٢٤٢ ٤٢٤٢": "424242…4242",
    "४२४२४२४२४२४२४२४२": "424242…4242",
}
NONE = [
    "1234567890123456",
    "9999999999999999",
    "4242424242424241",
    "1795376518123",
    "42424242424242421229",
    "30.03.2026 - 05.04.2026",
    "2026-03-14 12:30:45.123456",
    "302-1234567-1234567",
    IBAN,
    GROUPED_IBAN,
    "BE68539007547034",
    "NO93 8601 1117 947",
    "AT61 1904 3002 3457 3201 2026",
    "iban:gb82west12345698765432",
    "+49 176 12345678",
    "cart_4242424242424242",
    "ch_3Q4242424242424242",
    "a1b4242424242424242c2",
    f"3f{CARD}9a",
]


def a_german_iban() -> str:
    account = "".join(random.choices(string.digits, k=18))
    return f"DE{iban_check('DE', account)}{account}"


def iban_check(country: str, account: str) -> str:
    number = "".join(str(int(letter, 36)) for letter in f"{account}{country}00")
    return f"{98 - int(number) % 97:02}"


def in_fours(text: str) -> str:
    return " ".join(text[place : place + 4] for place in range(0, len(text), 4))


def completed(beginning: str, length: int) -> str:
    """Return a number of a length with the check digit that Luhn's rule gives it."""
    body = beginning.ljust(length - 1, "0")
    [number] = [body + digit for digit in string.digits if luhn(body + digit)]
    return number


def luhn(number: str) -> bool:
    """Tell as ISO/IEC 7812 words it, digit by digit from the right, whether a number is right."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        total += sum(map(int, str(int(digit) * (1 + place % 2))))
    return total % 10 == 0


class TestACardNumber:
    @pytest.mark.bad_input("B35")
    @pytest.mark.parametrize("text", WRITTEN)
    def test_is_seen_however_it_is_written(self, text: str) -> None:
        assert looks_like_card_number(text)

    @pytest.mark.bad_input("B35")
    @pytest.mark.parametrize("text", WRITTEN)
    def test_is_shown_by_ten_of_its_digits_at_most(self, text: str) -> None:
        assert mask_cards(text) == WRITTEN[text]

    @pytest.mark.bad_input("B35")
    @pytest.mark.parametrize(
        "beside", [IBAN, GROUPED_IBAN, "+49 176 12345678", "+49 176 123456", "+1 415 555 2671", str(uuid.UUID(int=7))]
    )
    @pytest.mark.parametrize("card", [CARD, "4242 4242 4242 4242", "378282246310005"])
    def test_is_seen_beside_what_is_none(self, beside: str, card: str) -> None:
        for text in (f"{beside} {card}", f"{card} {beside}", f"{beside}, {card}", f"{beside}-{card}"):
            assert looks_like_card_number(text), text
            assert card not in mask_cards(text)

    @pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: f"{scheme.name} {scheme.first}")
    def test_begins_and_ends_as_its_schemes_do(self, scheme: Scheme) -> None:
        for beginning in (scheme.first, scheme.last):
            for length in scheme.lengths:
                number = completed(beginning, length)
                wrong = number[:-1] + str((int(number[-1]) + 1) % 10)

                assert is_card_number(number)
                assert not is_card_number(wrong)

    @pytest.mark.parametrize(
        ("beginning", "length"),
        [("4", 12), ("4", 14), ("4", 20), ("51", 15), ("2220", 16), ("2721", 16), ("34", 16), ("35", 15), ("306", 14)],
    )
    def test_is_of_a_length_and_a_range_that_a_scheme_has(self, beginning: str, length: int) -> None:
        assert not is_card_number(completed(beginning, length))


class TestAnotherNumber:
    @pytest.mark.bad_input("B36")
    @pytest.mark.parametrize("text", NONE)
    def test_is_not_taken_for_one(self, text: str) -> None:
        assert not looks_like_card_number(text)
        assert not looks_like_card_number(f"see {text}, please")

    @pytest.mark.bad_input("B36")
    def test_is_none_as_a_phone_number_or_an_iban(self) -> None:
        for number in range(1_000):
            phone, iban = f"+49 176 {number:08}", a_german_iban()
            for text in (phone, phone.replace(" ", ""), iban, in_fours(iban), in_fours(iban).lower(), f"{iban}."):
                assert not looks_like_card_number(text), text

    @pytest.mark.bad_input("B35", "B36")
    def test_is_an_iban_by_its_check_sum_its_country_and_its_length(self) -> None:
        account = "424242424242424242"
        right = f"DE{iban_check('DE', account)} {in_fours(account)}"

        assert not looks_like_card_number(right)
        for wrong in (f"DE99{right[4:]}", f"XX{iban_check('XX', account)}{right[4:]}", f"{right}42", f"x{right}"):
            assert looks_like_card_number(wrong), wrong

    @pytest.mark.bad_input("B36")
    def test_is_none_as_a_moment_with_a_number_after_it(self) -> None:
        day = [
            f"day-261130-{17:02d}{minute:02d}{second:02d}-{n:04d}"
            for minute in range(0, 60, 7)
            for second in range(0, 60, 13)
            for n in range(1, 40)
        ]

        assert [key for key in day if looks_like_card_number(key)] == []

    def test_is_none_within_ids_and_digests(self) -> None:
        base62 = string.ascii_letters + string.digits

        def provider_id(prefix: str, length: int) -> str:
            return prefix + "".join(random.choices(base62, k=length))

        for _ in range(2_000):
            for text in (
                secrets.token_hex(20),
                secrets.token_hex(32),
                str(uuid.uuid4()),
                f"{uuid.uuid4()} {uuid.uuid4()}",
                new_id("chk"),
                f"{new_id('pay')}-{new_id('ord')}",
                provider_id("pi_3Q", 22),
                provider_id("cs_test_a1", 56),
                secrets.token_urlsafe(32),
            ):
                assert not looks_like_card_number(text), text

    @pytest.mark.bad_input("B36")
    def test_is_none_in_a_uuid_whatever_its_digits(self) -> None:
        number = completed("56414182812", 12)
        groups = f"{number[:4]}-{number[4:8]}-{number[8:]}"

        assert looks_like_card_number(groups)
        assert not looks_like_card_number(f"550e840a-{groups}-a46655440000")


class TestALongText:
    @pytest.mark.parametrize("name", LONG)
    def test_is_read_once(self, name: str) -> None:
        started = time.process_time()

        looks_like_card_number(LONG[name])
        mask_cards(LONG[name])

        # Reading twice over would take minutes here; the machine may be ten times slower than usual.
        assert time.process_time() - started < 5
