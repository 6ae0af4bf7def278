"""The stand-in provider's objects against the SDK's own types and the official examples."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import stripe
from stripe import params
from stripe._event import Event

from sandbox.process import free_port, start
from sandbox.provider.api import ROUTES
from sandbox.provider.routes import Route
from sandbox.provider.scope import API_VERSION
from sandbox.provider.validation import Required
from tests.contract.sdk_types import fields_of, sdk_version, violations
from tests.contract.story import RecordingClient, Story

Json = dict[str, Any]
FIXTURES = Path(__file__).resolve().parents[3] / "shared" / "data" / "stripe" / "fixtures.json"

#: Fields of the official examples that the real service leaves out unless they are asked for or apply.
LEFT_OUT = {
    "charge": {"refunds"},
    # the field named by the type
    "payment_method": {"card"},
}

#: What a marketplace with separate charges and transfers must be able to hear.
EVENTS = """
    checkout.session.completed checkout.session.expired checkout.session.async_payment_succeeded
    checkout.session.async_payment_failed payment_intent.created payment_intent.requires_action
    payment_intent.processing payment_intent.amount_capturable_updated payment_intent.succeeded
    payment_intent.payment_failed payment_intent.canceled charge.succeeded charge.captured charge.failed
    charge.pending charge.expired charge.refunded charge.refund.updated refund.created refund.updated refund.failed
    charge.dispute.created charge.dispute.updated charge.dispute.funds_withdrawn charge.dispute.funds_reinstated
    charge.dispute.closed transfer.created transfer.updated transfer.reversed payout.created payout.updated
    payout.paid payout.failed payout.canceled payout.reconciliation_completed balance.available account.updated
    review.opened review.closed reporting.report_run.succeeded
"""

#: The SDK's parameters for what can be asked.
PARAMS = {
    "account.create": "AccountCreateParams",
    "account.list": "AccountListParams",
    "account.update": "AccountUpdateParams",
    "balance_transaction.list": "BalanceTransactionListParams",
    "charge.list": "ChargeListParams",
    "checkout.session.create": "checkout.SessionCreateParams",
    "checkout.session.line_items": "checkout.SessionListLineItemsParams",
    "checkout.session.list": "checkout.SessionListParams",
    "dispute.list": "DisputeListParams",
    "dispute.update": "DisputeUpdateParams",
    "event.list": "EventListParams",
    "file.create": "FileCreateParams",
    "file.list": "FileListParams",
    "payment_intent.cancel": "PaymentIntentCancelParams",
    "payment_intent.capture": "PaymentIntentCaptureParams",
    "payment_intent.create": "PaymentIntentCreateParams",
    "payout.create": "PayoutCreateParams",
    "payout.list": "PayoutListParams",
    "refund.create": "RefundCreateParams",
    "refund.list": "RefundListParams",
    "report_run.create": "reporting.ReportRunCreateParams",
    "review.list": "ReviewListParams",
    "transfer.create": "TransferCreateParams",
    "transfer.list": "TransferListParams",
    "transfer.reversal.create": "TransferCreateReversalParams",
    "transfer.reversal.list": "TransferListReversalsParams",
    "webhook_endpoint.create": "WebhookEndpointCreateParams",
}


def objects_in(value: Any) -> Iterator[Json]:
    """Yield every object with a type in an answer, however deep."""
    if isinstance(value, list):
        for item in value:
            yield from objects_in(item)
    elif isinstance(value, dict):
        if isinstance(value.get("object"), str):
            yield value
        for item in value.values():
            yield from objects_in(item)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[tuple[str, Json]]]:
    """Every answer of a provider that lived through the whole story."""
    folder: Path = tmp_path_factory.mktemp("contract")
    provider = start(port=free_port(), store=folder / "provider.sqlite3").wait_ready()
    try:
        recorder = RecordingClient()
        client = stripe.StripeClient(
            "sk_test_contract",
            base_addresses={"api": provider.base_url, "files": provider.base_url},
            http_client=recorder,
        )
        Story(client, provider.control).play()
        yield recorder.answers
    finally:
        provider.stop()


@pytest.fixture(scope="module")
def emitted(answers: list[tuple[str, Json]]) -> list[Json]:
    """Every object in every answer."""
    return [found for _, body in answers for found in objects_in(body)]


class TestEveryAnswer:
    def test_fits_the_sdks_types(self, answers: list[tuple[str, Json]]) -> None:
        bad = {
            f"{request}: {sentence}"
            for request, body in answers
            if not body.get("error")
            for sentence in violations(body)
        }

        assert not bad, "\n".join(sorted(bad)[:40])

    def test_reports_errors_in_the_wire_shape(self, answers: list[tuple[str, Json]]) -> None:
        errors = [body["error"] for _, body in answers if body.get("error")]

        assert errors
        for error in errors:
            assert {"type", "message"} <= error.keys()
            assert not list(violations(error["payment_intent"]))

    def test_speaks_the_version_of_the_sdk(self) -> None:
        assert sdk_version() == API_VERSION


class TestEveryEvent:
    def test_has_a_type_that_the_sdk_knows(self, emitted: list[Json]) -> None:
        known = set(get_args(fields_of(Event)["type"]))

        used = {found["type"] for found in emitted if found["object"] == "event"}

        assert used <= known, used - known

    def test_that_a_marketplace_needs_is_emitted(self, emitted: list[Json]) -> None:
        used = {found["type"] for found in emitted if found["object"] == "event"}

        assert set(EVENTS.split()) <= used, set(EVENTS.split()) - used


class TestEveryRequest:
    @pytest.mark.parametrize("route", [route for route in ROUTES if route.op in PARAMS], ids=lambda route: route.op)
    def test_takes_no_parameter_that_the_sdk_does_not_know(self, route: Route) -> None:
        known: Any = params
        for name in PARAMS[route.op].split("."):
            known = getattr(known, name)

        assert set(route.schema) <= set(known.__annotations__)
        required = {name for name, check in route.schema.items() if isinstance(check, Required)}
        assert set(known.__required_keys__) <= required


class TestOfficialExamples:
    def test_have_no_field_that_the_provider_lacks(self, emitted: list[Json]) -> None:
        if not FIXTURES.exists():
            pytest.skip("the official examples are not on this machine")
        examples = json.loads(FIXTURES.read_text())

        lacking = {
            f"{found['object']} lacks {sorted(missing)}"
            for found in emitted
            if found["object"] in examples and "deleted" not in found
            for missing in [examples[found["object"]].keys() - found.keys() - LEFT_OUT.get(found["object"], set())]
            if missing
        }

        assert not lacking, "\n".join(sorted(lacking))

    def test_pass_the_check_themselves(self) -> None:
        if not FIXTURES.exists():
            pytest.skip("the official examples are not on this machine")
        examples = json.loads(FIXTURES.read_text())
        # the examples are of August: the one of `event` holds an object of an older shape, and a field of
        # disputes came in October
        known = {"event", "dispute"}

        bad = {name for name, example in examples.items() if list(violations(example))}

        assert bad <= known


class TestTheCheckItself:
    @pytest.fixture
    def refund(self, emitted: list[Json]) -> Json:
        return copy.deepcopy(next(found for found in emitted if found["object"] == "refund"))

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            ({"amount": "100"}, "refund.amount: '100' is no int"),
            ({"amount": True}, "refund.amount: True is no int"),
            ({"id": None}, "refund.id: None is no str"),
            ({"surprise": 1}, "refund.surprise: unknown to Refund"),
            ({"reason": "because"}, "refund.reason: 'because' is none of"),
            ({"metadata": {"a": 1}}, "refund.metadata.a: 1 is no str"),
            ({"charge": {"object": "refund"}}, "refund.charge: 'refund' where Charge belongs"),
            ({"destination_details": {}}, "refund.destination_details.type: missing"),
        ],
    )
    def test_notices(self, refund: Json, change: Json, sentence: str) -> None:
        refund.update(change)

        found = list(violations(refund))

        assert any(sentence in entry for entry in found), found

    def test_notices_a_missing_field(self, refund: Json) -> None:
        del refund["amount"]

        assert list(violations(refund)) == ["refund.amount: missing"]
