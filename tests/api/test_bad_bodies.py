"""Bodies that are not what they say: strict JSON, in UTF-8, of bearable size, without doubt about its meaning."""

import json
from typing import Any

import pytest

from operations.api.serializers import IdentifierField
from payments.models import Checkout, Seller
from tests.api.bodies import DELIVERY, PAYMENT, REFUND, SELLER, changed
from tests.api.problems import assert_all_refused, assert_problem
from tests.snapshot import nothing_changes
from tests.world import Shop, World

GOOD = json.dumps(PAYMENT)
BODIES = {
    "/v1/payments": PAYMENT,
    "/v1/refunds": REFUND,
    "/v1/sellers": SELLER,
    "/v1/deliveries": DELIVERY,
}
ENDPOINTS = list(BODIES)
NOT_JSON: dict[str, str | bytes] = {
    "cut off": GOOD[:-1],
    "two documents": GOOD + GOOD,
    "trailing comma": GOOD.replace('"DE"}', '"DE",}'),
    "single quotes": GOOD.replace('"', "'"),
    "comment": "// hello\n" + GOOD,
    "only spaces": "   ",
    "form data": "checkout_id=cart-1",
    "NaN": GOOD.replace('"10.00"', "NaN"),
    "Infinity": GOOD.replace('"10.00"', "Infinity"),
    "minus Infinity": GOOD.replace('"10.00"', "-Infinity"),
    "an integer of 5000 digits": GOOD.replace('"10.00"', "9" * 5000),
    "100,000 deep lists": "[" * 100_000,
    "100,000 deep objects": '{"a":' * 100_000,
    "50,000 deep and closed": "[" * 50_000 + "]" * 50_000,
    "UTF-16": GOOD.encode("utf-16"),
    "UTF-16 without a mark": GOOD.encode("utf-16-le"),
    "UTF-32": GOOD.encode("utf-32"),
    "byte order mark": b"\xef\xbb\xbf" + GOOD.encode(),
    "bad UTF-8": GOOD.replace("Bea", "B\u00e9a").encode("latin-1"),
    "overlong UTF-8": GOOD.encode().replace(b"Bea", b"\xc0\xaf"),
    "raw surrogate bytes": GOOD.encode().replace(b"Bea", b"\xed\xa0\x80"),
    "lone high surrogate": GOOD.replace("Bea", "\\ud800"),
    "lone low surrogate": GOOD.replace("Bea", "\\udc00"),
    "lone surrogate in a name": GOOD.replace('"name"', '"\\ud800"'),
    "NUL": GOOD.replace("Bea", "B\\u0000a"),
    "raw NUL": GOOD.replace("Bea", "B\x00a"),
    "raw newline in text": GOOD.replace("Bea", "B\na"),
    "duplicate key": GOOD.replace('"amount": "10.00"', '"amount": "10.00", "amount": "999.00"', 1),
    "duplicate key at the top": GOOD.replace("{", '{"checkout_id": "cart-9", ', 1),
    "duplicate key, escaped": GOOD.replace('"amount": "10.00"', '"amount": "10.00", "\\u0061mount": "9.00"', 1),
}
# Every address that takes a body by POST: nothing has to be there, because the body is read first.
ALL_WITH_BODY = [
    *ENDPOINTS,
    "/v1/checkouts/cart-1/refunds",
    *(f"/v1/payments/cart-1/{verb}" for verb in ("capture", "cancel", "replace")),
    *(f"/v1/disputes/dsp_1/{what}" for what in ("evidence", "files")),
    *("/v1/webhook-endpoints", "/v1/webhook-endpoints/whe_1/rotate-secret", "/v1/events/evt_1/resend"),
]
NOT_OBJECTS = {body: body for body in ("[]", '"text"', "1", "null", "true", "1e400")}
# Every place where a client's own text goes, in a body that is right otherwise.
TEXTS = [
    ("/v1/payments", "checkout_id"),
    ("/v1/payments", "payment_orders.0.payment_order_id"),
    ("/v1/payments", "payment_orders.0.category"),
    ("/v1/payments", "buyer_info.buyer_id"),
    ("/v1/payments", "buyer_info.name"),
    ("/v1/payments", "buyer_info.email"),
    ("/v1/payments", "return_url"),
    ("/v1/refunds", "reason"),
    ("/v1/sellers", "seller_id"),
    ("/v1/sellers", "name"),
    ("/v1/sellers", "commission_tax"),
    ("/v1/sellers", "commission_rates.0.category"),
]
# Every place where a whole number goes, with the largest that is taken.
NUMBERS = [
    ("/v1/sellers", "commission_tax_bps", 10_000),
    ("/v1/sellers", "commission_rates.0.bps", 10_000),
]
NOT_NUMBERS: list[Any] = ["1", "", 1.0, 1.5, -1, True, None, [], {}, 10**30]
NOT_TEXT: list[Any] = [12, 1.5, True, None, [], {}, ["x"]]
CONTROLS = [
    "a\r\nSet-Cookie: x=1",
    "a\nINFO forged line",
    "a\tb",
    "a\x1b[31m",
    "a\x7f",
    "a\x85b",
    "a\u2028b",
    "a\u2029b",
]
CARDS = [
    *("4242424242424242", "4242 4242 4242 4242", "5555-5555-5555-4444", "my card 378282246310005 thanks"),
    *("card-4242424242424242", "Bea4242424242424242", "order 7 4242 4242 4242 4242", "4242.4242.4242.4242"),
    *("4242 4242 4242 4242 12/29 123", "4242\u00a04242\u00a04242\u00a04242"),
]
NOT_CARDS = [
    *("1234567890123456", "9999999999999999", "cart_4242424242424242", "4242424242424241"),
    *("BE68539007547034", "550e8400-5641-4182-8126-446655440000", "pi_3Q4242424242424242"),
]
NOT_IDENTIFIERS = ["", " ", "-a", "a b", "a/b", "../x", "a" * 65, "ä", "a\u200b", "a@b", "a'b", "=1+1", "ａ"]
IDENTIFIERS = [
    *(place for place in TEXTS if place[1].endswith("_id")),
    ("/v1/payments", "payment_orders.0.seller_account"),
    ("/v1/refunds", "payment_order_id"),
    ("/v1/deliveries", "payment_order_id"),
]
UNKNOWN_FIELDS = [
    ("/v1/payments", "state"),
    ("/v1/payments", "storefront"),
    ("/v1/payments", "total"),
    ("/v1/payments", "payment_orders.0.fee"),
    ("/v1/payments", "payment_orders.0.split"),
    ("/v1/payments", "buyer_info.card"),
    ("/v1/refunds", "state"),
    ("/v1/sellers", "commission_bps"),
    ("/v1/sellers", "payouts_enabled"),
    ("/v1/sellers", "commission_rates.0.minimum"),
    ("/v1/sellers", "commission_minimum_minor"),
    ("/v1/sellers", "commission_minimums.0.minor"),
    ("/v1/sellers", "__class__"),
    ("/v1/deliveries", "release_at"),
]
NEEDED_FIELDS = [
    ("/v1/payments", "checkout_id"),
    ("/v1/payments", "buyer_info"),
    ("/v1/payments", "payment_orders"),
    ("/v1/payments", "payment_orders.0.payment_order_id"),
    ("/v1/payments", "payment_orders.0.seller_account"),
    ("/v1/payments", "payment_orders.0.amount"),
    ("/v1/payments", "payment_orders.0.currency"),
    ("/v1/refunds", "payment_order_id"),
    ("/v1/sellers", "seller_id"),
    ("/v1/sellers", "name"),
    ("/v1/sellers", "country"),
    ("/v1/sellers", "commission_rates.0.category"),
    ("/v1/sellers", "commission_rates.0.bps"),
    ("/v1/sellers", "commission_minimums.0.amount"),
    ("/v1/sellers", "commission_minimums.0.currency"),
    ("/v1/deliveries", "payment_order_id"),
    ("/v1/deliveries", "delivered_at"),
]


def named(path: str) -> str:
    """Return a path as the problem names it: payment_orders.0.amount → payment_orders[0].amount."""
    return path.replace(".0", "[0]")


def with_each(path: str, field: str, values: list[Any]) -> dict[str, Any]:
    """Return the path's right body once for each value in a field."""
    return {repr(value)[:40]: changed(BODIES[path], field, value) for value in values}


class TestTheBody:
    @pytest.mark.bad_input("B11-B12", "B20", "B22-B24")
    @pytest.mark.parametrize("path", ENDPOINTS)
    def test_is_refused_unless_it_is_strict_json(self, shop: Shop, path: str) -> None:
        assert_all_refused(shop, path, NOT_JSON, 400, "parse_error")

    @pytest.mark.bad_input("B12")
    @pytest.mark.parametrize("path", ENDPOINTS)
    def test_is_refused_unless_it_is_an_object(self, shop: Shop, path: str) -> None:
        assert_all_refused(shop, path, NOT_OBJECTS, 422, "invalid")

    @pytest.mark.bad_input("B22")
    @pytest.mark.parametrize("path", ENDPOINTS)
    def test_is_refused_above_a_megabyte(self, shop: Shop, path: str) -> None:
        assert_all_refused(shop, path, {"huge": b" " * (1024 * 1024) + b"{}"}, 413, "body_too_large")

    @pytest.mark.parametrize("path", ALL_WITH_BODY)
    def test_is_refused_when_it_is_missing(self, shop: Shop, path: str) -> None:
        assert_all_refused(shop, path, {"empty": "", "empty bytes": b""}, 400, "parse_error")

    @pytest.mark.parametrize("path", ALL_WITH_BODY)
    def test_is_refused_in_chunks_of_which_nothing_would_be_read(self, shop: Shop, path: str) -> None:
        headers = {"Authorization": f"Bearer {shop.api_key}", "Idempotency-Key": "k", "Transfer-Encoding": "chunked"}

        with nothing_changes():
            answer = shop.client.post(
                path, data='{"amount": "1.00"}', content_type="application/json", headers=headers, CONTENT_LENGTH=""
            )

        assert_problem(answer, 411, "length_required")

    @pytest.mark.bad_input("B23")
    @pytest.mark.parametrize("path", ENDPOINTS)
    def test_is_refused_as_anything_but_json(self, shop: Shop, path: str) -> None:
        headers = {"Authorization": f"Bearer {shop.api_key}", "Idempotency-Key": "k"}
        body = json.dumps(BODIES[path])

        with nothing_changes():
            for kind in (
                "text/plain",
                "application/x-www-form-urlencoded",
                "multipart/form-data; boundary=x",
                "text/xml",
            ):
                answer = shop.client.post(path, data=body, content_type=kind, headers=headers)

                assert_problem(answer, 415, "unsupported_media_type")

    @pytest.mark.bad_input("B19", "B21")
    @pytest.mark.parametrize(("path", "field"), UNKNOWN_FIELDS)
    def test_is_refused_with_a_field_that_nobody_knows(self, shop: Shop, path: str, field: str) -> None:
        assert_all_refused(shop, path, with_each(path, field, ["0"]), 422, "invalid", field=named(field))

    @pytest.mark.parametrize(("path", "field"), NEEDED_FIELDS)
    def test_is_refused_without_a_field_that_it_needs(self, shop: Shop, path: str, field: str) -> None:
        assert_all_refused(shop, path, {"gone": changed(BODIES[path], field)}, 422, "invalid", field=named(field))

    @pytest.mark.bad_input("B24")
    def test_may_hold_whatever_people_are_called(self, world: World, ann: Seller, bob: Seller) -> None:
        name = "Åsa \u202eevil\u202c <script>alert(1)</script> '; DROP TABLE payments_checkout; -- 🦄 \u200d"

        answer = world.shop.post("/v1/payments", changed(PAYMENT, "buyer_info.name", name), key="k")

        assert answer.status_code == 201, answer.content
        assert Checkout.objects.get().buyer_info["name"] == name.strip()


class TestText:
    @pytest.mark.parametrize(("path", "field"), TEXTS)
    def test_is_refused_unless_it_was_text(self, shop: Shop, path: str, field: str) -> None:
        assert_all_refused(shop, path, with_each(path, field, NOT_TEXT), 422, "invalid", field=named(field))

    @pytest.mark.bad_input("B25")
    @pytest.mark.parametrize(("path", "field"), TEXTS)
    def test_is_refused_with_control_characters(self, shop: Shop, path: str, field: str) -> None:
        assert_all_refused(shop, path, with_each(path, field, CONTROLS), 422, "invalid", field=named(field))

    @pytest.mark.bad_input("B35")
    @pytest.mark.parametrize(("path", "field"), TEXTS)
    def test_is_refused_with_a_card_number(self, shop: Shop, path: str, field: str) -> None:
        shapes = {"buyer_info.email": "{}@example.com", "return_url": "https://shop.example/?n={}"}
        values = [shapes.get(field, "{}").format(card) for card in CARDS]

        assert_all_refused(shop, path, with_each(path, field, values), 422, "invalid", field=named(field))

    @pytest.mark.bad_input("B35")
    def test_is_never_said_again_when_it_is_a_card_number(self, shop: Shop) -> None:
        answer = shop.post("/v1/payments", changed(PAYMENT, "checkout_id", CARDS[0]), key="k")

        assert CARDS[0] not in answer.content.decode()

    @pytest.mark.bad_input("B36")
    @pytest.mark.parametrize("text", NOT_CARDS)
    def test_may_hold_numbers_that_are_no_cards(self, text: str) -> None:
        field = IdentifierField()

        assert field.run_validation(text) == text

    @pytest.mark.parametrize(("path", "field"), IDENTIFIERS)
    def test_is_refused_as_an_identifier_with_anything_unusual(self, shop: Shop, path: str, field: str) -> None:
        assert_all_refused(shop, path, with_each(path, field, NOT_IDENTIFIERS), 422, "invalid", field=named(field))

    @pytest.mark.bad_input("B24")
    @pytest.mark.parametrize(("path", "field"), TEXTS)
    def test_is_refused_when_it_is_endless(self, shop: Shop, path: str, field: str) -> None:
        assert_all_refused(shop, path, with_each(path, field, ["a" * 500_000]), 422, "invalid", field=named(field))

    @pytest.mark.parametrize(("path", "field"), [("/v1/sellers", "country"), ("/v1/payments", "buyer_info.country")])
    def test_is_refused_as_a_country_unless_it_is_two_capitals(self, shop: Shop, path: str, field: str) -> None:
        wrong = ["de", "DEU", "D", "", "D1", "ＤＥ", "DE\n", " DE", 49, None]

        assert_all_refused(shop, path, with_each(path, field, wrong), 422, "invalid", field=field)

    def test_is_refused_as_a_tax_unless_an_account_can_be_named_after_it(self, shop: Shop) -> None:
        wrong = ["VAT", "vat pt", "vat:pt", "vat-pt", "a" * 31, "ｖａｔ", "tax.1"]

        assert_all_refused(
            shop,
            "/v1/sellers",
            with_each("/v1/sellers", "commission_tax", wrong),
            422,
            "invalid",
            field="commission_tax",
        )

    def test_is_refused_as_a_category_above_fifty_characters(self, shop: Shop) -> None:
        bodies = with_each("/v1/payments", "payment_orders.0.category", ["a" * 51, "é" * 51])

        assert_all_refused(shop, "/v1/payments", bodies, 422, "invalid", field="payment_orders[0].category")


class TestANumber:
    @pytest.mark.parametrize(("path", "field", "most"), NUMBERS)
    def test_is_refused_unless_it_is_a_json_integer_in_its_range(
        self, shop: Shop, path: str, field: str, most: int
    ) -> None:
        bodies = with_each(path, field, [*NOT_NUMBERS, most + 1])

        assert_all_refused(shop, path, bodies, 422, "invalid", field=named(field))


class TestAList:
    def test_of_rates_is_refused_with_one_category_twice_or_too_many(self, shop: Shop) -> None:
        rates = {
            "twice": [{"category": "books", "bps": 1}, {"category": "books", "bps": 2}],
            "too many": [{"category": f"c{number}", "bps": 1} for number in range(101)],
            "huge and wrong": [{}] * 100_000,
            "no list": {"category": "books", "bps": 1},
        }
        bodies = {case: changed(SELLER, "commission_rates", value) for case, value in rates.items()}

        assert_all_refused(shop, "/v1/sellers", bodies, 422, "invalid", field="commission_rates")

    def test_of_minimums_is_refused_with_one_currency_twice_or_too_many(self, shop: Shop) -> None:
        euro = {"amount": "0.50", "currency": "EUR"}
        minimums: dict[str, Any] = {
            "twice": [euro, euro],
            "twice with two amounts": [euro, euro | {"amount": "0.60"}],
            "too many": [euro] * 201,
            "huge and wrong": [{}] * 100_000,
            "no list": euro,
            "a mapping": {"EUR": "0.50"},
        }
        bodies = {case: changed(SELLER, "commission_minimums", value) for case, value in minimums.items()}

        assert_all_refused(shop, "/v1/sellers", bodies, 422, "invalid", field="commission_minimums")
