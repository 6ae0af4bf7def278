"""Every operation as the OpenAPI document tells it, held against the document by schemathesis.

It draws requests that the document allows and requests that it does not, at every boundary that a schema has, and
judges each answer: no error of ours, a status, a media type, headers and a body that the document knows, wrong data,
missing headers, missing keys and other methods refused. COUNTERFOIL_FUZZ says how many requests are drawn for each
operation beyond the boundaries (`make fuzz`).
"""

import os
from copy import deepcopy
from random import Random
from typing import Any

import pytest
import schemathesis
from django.test.client import ClientHandler
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from config.openapi import document
from tests.api.leading import keep_what_no_address_holds, lead, lead_to_what_is_there
from tests.api.openapi import Operation, operations
from tests.api.stage import Stage, set_stage
from tests.world import World

# So few are the same ones every time: what is drawn by chance is looked at by `make fuzz`.
FEW = 5
EXAMPLES = int(os.environ.get("COUNTERFOIL_FUZZ", FEW))
ALL = list(HealthCheck)
# That a cart names each order once, that a cursor is one of ours, that a page to return to is the shop's, that text is
# no card number: a schema cannot say that, so what it allows may be refused all the same.
NOT_OURS = [positive_data_acceptance]
OPERATIONS = operations()

load_all_checks()
_handler = ClientHandler(enforce_csrf_checks=True)


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Serve a request by the whole stack, on the connection of the test."""
    answer: Any = _handler(environ)
    start_response(f"{answer.status_code} {answer.reason_phrase}", list(answer.items()))
    return [answer.content]


# A copy: it writes into what it reads.
schema = schemathesis.openapi.from_dict(deepcopy(document()))
schema.app = application


@pytest.fixture
def stage(world: World, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A shop that has one of everything."""
    return set_stage(world, monkeypatch)


def known_problem(_: Any, response: Any, case: Any) -> None:
    """Assert that a problem has a code that the document knows for its status, and that every answer has a name."""
    assert response.headers["x-request-id"]
    answers = case.operation.definition.raw["responses"]
    if response.status_code >= 400 and str(response.status_code) in answers:
        examples = answers[str(response.status_code)]["content"]["application/problem+json"]["examples"]
        assert response.json()["code"] in examples, f"{case.operation.label} does not know {response.json()['code']}"


class TestAnOperation:
    @schema.parametrize()
    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=EXAMPLES == FEW, suppress_health_check=ALL
    )
    def test_answers_as_the_document_says(self, case: Any, stage: Stage) -> None:
        keep_what_no_address_holds(case)
        right = lead_to_what_is_there(case, stage)

        case.call_and_validate(
            headers={"Authorization": f"Bearer {stage.shop.api_key}"},
            additional_checks=[known_problem],
            excluded_checks=[*NOT_OURS, negative_data_rejection] if right else NOT_OURS,
        )

    @pytest.mark.bad_input("B11", "B20", "B22-B23")
    @pytest.mark.parametrize(
        "operation", [one for one in OPERATIONS if one.takes is not None], ids=lambda operation: operation.name
    )
    def test_takes_no_body_that_is_no_json_object(self, stage: Stage, operation: Operation) -> None:
        path = operation.path
        for one in operation.parameters("path"):
            path = path.replace(f"{{{one['name']}}}", "nope")
        for body in (b"{", b'{"a":NaN}', b'{"a":1,"a":2}', b"\xff\xfe", b"[" * 50_000, b"[]", b'"x"', b"0", b"null"):
            answer = stage.send(operation.method, (path, body, {"Idempotency-Key": "k"}))

            assert answer.status_code in (400, 422), (body[:20], answer.status_code, answer.content)
            assert answer.headers["Content-Type"] == "application/problem+json"


class TestALedRequest:
    @pytest.mark.parametrize("name", ["capturePayment", "cancelPayment", "replacePayment", "createRefund"])
    def test_is_granted_again_and_again_and_not_always(self, stage: Stage, name: str) -> None:
        [one] = [operation for operation in OPERATIONS if operation.name == name]
        answers = []
        for number in range(20):
            case = schema[one.path][one.method].Case(
                path_parameters={"checkout_id": "nope"},
                headers={"Idempotency-Key": f"key-{number}"},
                body=deepcopy(one.example),
            )
            lead(case, stage, Random(number))
            answers.append(case.call(headers={"Authorization": f"Bearer {stage.shop.api_key}"}).status_code)

        assert sum(status < 300 for status in answers) >= 5, answers
        assert [status for status in answers if 400 <= status < 500], answers


class TestTheOperations:
    def test_are_tests_with_ids_of_their_own_of_which_each_is_run(self, request: pytest.FixtureRequest) -> None:
        ids = [item.nodeid for item in request.session.items]

        assert len(set(ids)) == len(ids)


class TestTheChecks:
    def test_are_all_that_there_are_but_those_named_here(self) -> None:
        names = {check.__name__ for check in CHECKS.get_all()}

        assert {
            "allow_header_conformance",
            "content_type_conformance",
            "ignored_auth",
            "missing_required_header",
            "negative_data_rejection",
            "not_a_server_error",
            "response_headers_conformance",
            "response_schema_conformance",
            "status_code_conformance",
            "unsupported_method",
        } <= names - {check.__name__ for check in NOT_OURS}
