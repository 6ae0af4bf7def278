"""The wire format: keys, versions, forms, lists, expansion, errors, and names that the real service knows."""

import importlib
import pkgutil
from typing import Any

import pytest
import stripe
import stripe.params

from sandbox.control import SandboxControl
from sandbox.provider.api import ROUTES
from sandbox.provider.errors import InvalidRequest
from sandbox.provider.forms import decode
from sandbox.provider.money import major, processing_fee
from sandbox.provider.validation import metadata, validate


class TestAuthentication:
    @pytest.mark.parametrize("header", ["", "Bearer", "Bearer sk_live_x", "Basic c2s6", "sk_test_x"])
    def test_needs_a_test_key(self, shop: Any, header: str) -> None:
        answer = shop.raw("GET", "/v1/balance", Authorization=header)

        assert (answer.status_code, answer.json()["error"]["type"]) == (401, "invalid_request_error")

    def test_is_understood_by_the_sdk(self, shop: Any) -> None:
        client = stripe.StripeClient("sk_live_x", base_addresses={"api": shop.base_url})

        with pytest.raises(stripe.AuthenticationError):
            client.v1.balance.retrieve()

    def test_names_request_and_version(self, shop: Any) -> None:
        answer = shop.raw("GET", "/v1/balance")

        assert answer.headers["Request-Id"].startswith("req_")
        assert answer.headers["Stripe-Version"] == "2026-10-28.endive"

    def test_speaks_no_other_version(self, shop: Any) -> None:
        answer = shop.raw("GET", "/v1/balance", Stripe_Version="2020-08-27")

        assert answer.status_code == 400


class TestErrors:
    @pytest.mark.parametrize(
        ("method", "path", "status", "code"),
        [
            ("GET", "/v1/nothing", 404, None),
            ("DELETE", "/v1/balance", 404, None),
            ("GET", "/v1/charges/ch_none", 404, "resource_missing"),
            ("GET", "/v1/charges?limit=0", 400, "parameter_invalid_integer"),
            ("GET", "/v1/charges?limit=%D9%A1", 400, "parameter_invalid_integer"),
            ("GET", "/v1/charges?surprise=1", 400, "parameter_unknown"),
            ("GET", "/v1/charges?starting_after=ch_none", 400, "resource_missing"),
            ("GET", "/v1/balance?expand[]=nothing", 400, None),
        ],
    )
    def test_have_status_and_code(self, shop: Any, method: str, path: str, status: int, code: str | None) -> None:
        answer = shop.raw(method, path)

        error = answer.json()["error"]
        assert (answer.status_code, error.get("code")) == (status, code)
        assert error["message"]

    def test_name_an_unknown_nested_parameter(self, shop: Any) -> None:
        answer = shop.raw("POST", "/v1/customers", {"metadata[a]": "b", "name": "Ana", "colour[shade]": "red"})

        assert answer.json()["error"]["param"] == "colour"

    @pytest.mark.parametrize("body", ["a=%ff", "a[b=1", "a=1&a[b]=2", "x" * 2_000_000])
    def test_answer_a_broken_body(self, shop: Any, body: str) -> None:
        answer = shop.raw("POST", "/v1/customers", body)

        assert answer.status_code in (400, 413)


class TestLists:
    def test_are_read_page_by_page(self, shop: Any) -> None:
        made = [shop.v1.customers.create(params={"name": f"c{number}"}).id for number in range(7)]

        forwards = [item.id for item in shop.v1.customers.list(params={"limit": 3}).auto_paging_iter()]
        page = shop.v1.customers.list(params={"limit": 3, "ending_before": made[1]})

        assert forwards == made[::-1]
        assert [item.id for item in page.data] == [made[4], made[3], made[2]]
        assert page.has_more

    def test_are_filtered_by_time(self, shop: Any, control: SandboxControl) -> None:
        old = shop.v1.customers.create(params={"name": "old"})
        control.advance(1_000)
        new = shop.v1.customers.create(params={"name": "new"})

        recent = shop.v1.customers.list(params={"created": {"gt": old.created + 10}}).data
        early = shop.v1.customers.list(params={"created": {"lte": old.created}}).data

        assert ([item.id for item in recent], [item.id for item in early]) == ([new.id], [old.id])


class TestExpand:
    def test_goes_four_levels_deep(self, shop: Any) -> None:
        intent = shop.paid()

        page = shop.v1.payment_intents.list(params={"expand": ["data.latest_charge.balance_transaction.source"]})

        assert page.data[0].latest_charge.balance_transaction.source.id == intent.latest_charge.id

    def test_refuses_five_levels(self, shop: Any) -> None:
        with pytest.raises(stripe.InvalidRequestError):
            shop.v1.charges.list(params={"expand": ["data.a.b.c.d"]})


class TestMetadata:
    def test_is_merged_and_unset(self, shop: Any) -> None:
        customer = shop.v1.customers.create(params={"metadata": {"a": "1", "b": "2"}})

        updated = shop.v1.customers.update(customer.id, params={"metadata": {"b": "", "c": "3"}})

        assert updated.metadata.to_dict() == {"a": "1", "c": "3"}

    @pytest.mark.parametrize("pairs", [{"k" * 41: "v"}, {"k": "v" * 501}, {f"k{number}": "v" for number in range(51)}])
    def test_has_limits(self, pairs: dict[str, str]) -> None:
        with pytest.raises(InvalidRequest):
            validate({"metadata": metadata()}, {"metadata": pairs})


class TestDecodeForm:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("", {}),
            ("a=1&b=", {"a": "1", "b": ""}),
            ("a[b][0]=x&a[b][1]=y", {"a": {"b": ["x", "y"]}}),
            ("a[]=x&a[]=y", {"a": ["x", "y"]}),
            ("a[0][b]=1&a[0][c]=2", {"a": [{"b": "1", "c": "2"}]}),
            ("a[b]=%C3%A9+%26", {"a": {"b": "é &"}}),
        ],
    )
    def test_reads(self, text: str, value: dict[str, Any]) -> None:
        assert decode(text) == value


class TestMoney:
    @pytest.mark.parametrize(
        ("amount", "currency", "text"),
        [
            (1_234, "usd", "12.34"),
            (-5, "usd", "-0.05"),
            (1_234, "jpy", "1234"),
            (-1_230, "bhd", "-1.230"),
            (0, "eur", "0.00"),
        ],
    )
    def test_is_written_in_major_units(self, amount: int, currency: str, text: str) -> None:
        assert major(amount, currency) == text

    @pytest.mark.parametrize(("amount", "fee"), [(1_000, 59), (1_017, 59), (1_018, 60), (99_999_999, 2_900_030)])
    def test_fee_is_rounded_half_up(self, amount: int, fee: int) -> None:
        assert processing_fee(amount, "usd") == fee


def _parameters_of_the_sdk() -> dict[str, set[str]]:
    """Return the parameter names of each request type that the SDK knows, by the name of the type."""
    found: dict[str, set[str]] = {}
    for package in (
        stripe.params,
        importlib.import_module("stripe.params.checkout"),
        importlib.import_module("stripe.params.reporting"),
    ):
        for info in pkgutil.iter_modules(package.__path__):
            if info.ispkg:
                continue
            module = importlib.import_module(f"{package.__name__}.{info.name}")
            for name, value in vars(module).items():
                if name.endswith("Params") and hasattr(value, "__annotations__"):
                    found[name] = set(value.__annotations__)
    return found


#: Operations whose request type in the SDK has another name.
NAMES = {
    "checkout.session.line_items": "SessionLineItemListParams",
    "account.own": "AccountRetrieveCurrentParams",
    "balance.retrieve": "BalanceRetrieveParams",
    "transfer.reversal.create": "TransferReversalCreateParams",
    "transfer.reversal.list": "TransferReversalListParams",
    "transfer.reversal.retrieve": "TransferReversalRetrieveParams",
}


class TestParameters:
    def test_are_all_known_to_the_sdk(self) -> None:
        known = _parameters_of_the_sdk()
        strange: dict[str, set[str]] = {}
        for route in ROUTES:
            words = route.op.removeprefix("checkout.").replace("_", " ").replace(".", " ").title()
            name = NAMES.get(route.op, words.replace(" ", "") + "Params")
            # lists of the webhook endpoints and the like have no filter by creation at the real service
            extra = set(route.schema) - known[name] - {"created"}
            if extra:
                strange[route.op] = extra

        assert strange == {}
