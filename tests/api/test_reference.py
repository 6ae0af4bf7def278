"""What integrators read is what the code says: the OpenAPI document, the page made of it, and the files in docs/."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client
from drf_spectacular.validation import validate_schema
from jsonschema import Draft202012Validator

from config.documents import documents
from config.management.commands.api_documents import stale_documents
from config.openapi import document, resolved
from config.problems import STATUSES
from ledger.recipes import RECIPES
from tests.api.openapi import operations, validator_of

OPERATIONS = operations()


class TestTheDocument:
    def test_is_a_right_one_of_openapi_3_1(self) -> None:
        validate: Any = validate_schema

        validate(document())

        assert document()["openapi"] == "3.1.0"
        assert Draft202012Validator.check_schema(document()["components"]["schemas"]["Problem"]) is None

    def test_is_whole_for_tools_that_ask_for_more_than_the_standard_does(self) -> None:
        used = {tag for operation in OPERATIONS for tag in operation.raw["tags"]}

        assert {tag["name"] for tag in document()["tags"]} == used
        assert document()["servers"] == [{"url": "/"}]
        assert document()["info"]["license"] == {"name": "MIT", "identifier": "MIT"}

    @pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
    def test_tells_of_a_bug_as_of_any_other_error(self, operation: Any) -> None:
        [content] = operation.raw["responses"]["500"]["content"].values()

        assert list(content["examples"]) == ["internal"]

    def test_is_served_to_everybody(self, client: Client) -> None:
        answer = client.get("/v1/openapi.json")

        assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
        assert answer.json() == document()

    def test_has_every_address_of_the_api(self) -> None:
        assert {operation.path for operation in OPERATIONS} >= {
            "/v1/payments",
            "/v1/payments/{payment_order_id}",
            "/v1/checkouts",
            "/v1/refunds",
            "/v1/sellers/{seller_id}/balance",
            "/v1/sellers/{seller_id}/statement",
            "/v1/deliveries",
            "/v1/events/{event_id}/resend",
            "/v1/webhook-endpoints/{endpoint_id}/rotate-secret",
        }
        assert len({operation.name for operation in OPERATIONS}) == len(OPERATIONS)

    @pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
    def test_has_an_example_of_every_body_and_of_every_error(self, operation: Any) -> None:
        bodies = list(operation.bodies())

        assert {status for status, _, _ in bodies if status != "request"} >= {"400", "401", "429", "503"}
        for status, media, content in bodies:
            assert content["examples"], (status, media)
            for example in content["examples"].values():
                value = resolved(document(), example)["value"]
                validator_of(content["schema"]).validate(value)
                assert status == "request" or status < "400" or str(value["status"]) == status

    def test_has_no_error_of_ours_without_a_status_of_its_own(self) -> None:
        named = set(document()["components"]["examples"])

        assert named >= {"idempotency_key_reused", "rate_limited", "unknown_parameter", "address_refused"}
        assert {code for code in STATUSES if code.startswith("idempotency_key")} <= named

    @pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
    def test_has_the_headers_that_say_to_wait_and_that_it_is_the_first_answer_again(self, operation: Any) -> None:
        answers = operation.raw["responses"]
        marked = {status for status, answer in answers.items() if "Idempotent-Replayed" in answer.get("headers", {})}
        waiting = {status for status, answer in answers.items() if "Retry-After" in answer.get("headers", {})}

        assert bool(marked) == operation.needs_key
        assert ("202" in waiting) == (operation.path.startswith("/v1/payments") and operation.needs_key)

    def test_has_examples_that_could_be_ours(self) -> None:
        from payments.api import examples

        assert {each["event"] for each in examples.STATEMENT["movements"]} <= set(RECIPES)
        before = {order["payment_order_id"] for order in examples.PAYMENT["payment_orders"]}
        assert before.isdisjoint(order["payment_order_id"] for order in examples.CART["payment_orders"])


class TestThePage:
    def test_needs_no_other_server_and_no_script(self, client: Client) -> None:
        answer = client.get("/v1/docs")
        text = answer.content.decode()

        assert answer.status_code == 200
        assert "<script" not in text
        assert re.findall(r'(?:src|href)="(?!/static/|#|/v1/)[^"]*"', text) == []
        assert "default-src 'none'" in answer["Content-Security-Policy"]
        assert 'name="color-scheme" content="light dark"' in text

    def test_shows_every_operation_with_its_errors(self, client: Client) -> None:
        text = client.get("/v1/docs").content.decode()

        for operation in OPERATIONS:
            assert f'<section id="{operation.name}"' in text
        assert "idempotency_key_reused" in text

    def test_has_the_styles_of_both_lights(self, client: Client) -> None:
        styles = (Path(settings.BASE_DIR) / "config/static/api/reference.css").read_text(encoding="utf-8")

        assert "light-dark(" in styles


class TestTheFiles:
    def test_in_the_repository_are_not_stale(self) -> None:
        assert stale_documents(Path(settings.BASE_DIR) / "docs", documents()) == [], "run `manage.py api_documents`"

    def test_are_named_when_they_are_stale(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(settings, "BASE_DIR", tmp_path)
        (tmp_path / "docs/events").mkdir(parents=True)
        (tmp_path / "docs/events/payment.forgotten.json").write_text("{}", encoding="utf-8")

        with pytest.raises(CommandError, match=r"openapi\.json"):
            call_command("api_documents", "--check")
        call_command("api_documents")
        call_command("api_documents", "--check")

        assert not (tmp_path / "docs/events/payment.forgotten.json").exists()

    def test_hold_a_postman_request_for_every_operation(self) -> None:
        import json

        collection = json.loads(documents()["postman_collection.json"])
        requests = [one for folder in collection["item"] for one in folder["item"]]

        assert collection["info"]["schema"].endswith("/v2.1.0/collection.json")
        assert {one["name"] for one in requests} == {operation.summary for operation in OPERATIONS} | {
            "Register a seller: ann",
            "Create a payment: to be called off",
        }
        for one in requests:
            assert one["request"]["url"]["raw"].startswith("{{base_url}}/v1/")
            needs_key = any(header["key"] == "Idempotency-Key" for header in one["request"]["header"])
            assert needs_key == any(
                operation.needs_key
                for operation in OPERATIONS
                if (operation.method, operation.summary) == (one["request"]["method"], one["name"].partition(":")[0])
            )
