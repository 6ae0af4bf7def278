"""Every operation of the OpenAPI document, with right and with hostile values: never an error of ours, and every answer
is one that the document knows."""

import json
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payments.models import Seller
from tests.api.bodies import REFUND
from tests.api.openapi import Operation, operations, validator_of
from tests.api.values import HOSTILE_TEXTS, KNOWN, almost, right, wrong
from tests.operations.test_addresses import PUBLIC
from tests.payments.dispute_steps import open_dispute
from tests.world import Shop, World

EXAMPLES = 25
OPERATIONS = operations()
Request = tuple[str, bytes | None, dict[str, str]]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A shop and what it has, by the names of the parameters in addresses."""

    shop: Shop
    known: dict[str, str]

    def send(self, method: str, request: Request) -> Any:
        """Send a request, in which `known-…` stands for what the shop has, and return the answer."""
        address, body, headers = request
        for name, value in self.known.items():
            address = address.replace(f"known-{name}", value)
            body = body and body.replace(f"known-{name}".encode(), value.encode())
        options = {} if body is None else {"data": body, "content_type": "application/json"}
        authorization = {"Authorization": f"Bearer {self.shop.api_key}"}
        return getattr(self.shop.client, method.lower())(address, headers={**authorization, **headers}, **options)


@pytest.fixture
def stage(world: World, ann: Seller, bob: Seller, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A refund, a dispute, an open checkout, and an endpoint; more requests than any client should make."""
    settings.API_RATES = {"read": 100_000, "write": 100_000}
    resolve = socket.getaddrinfo
    # No name of the outside is looked up, and nothing is sent there: no worker works after the endpoint is made.
    outside = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (PUBLIC, 443))]
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *rest, **more: resolve(host, *rest, **more) if _near(host) else outside
    )
    world.sell("cart-1", {"ann": "10.00"})
    # Before there is an endpoint: it has the worker work.
    world.sell("cart-3", {"ann": "8.00"})
    dispute = open_dispute(world)
    world.order("cart-2", {"ann": "7.00"})
    endpoint = world.shop.post("/v1/webhook-endpoints", {"url": f"https://{PUBLIC}/hooks"}, key="endpoint")
    refund = world.shop.post("/v1/refunds", {**REFUND, "amount": "0.50"}, key="refund")
    event = world.shop.get("/v1/events").json()["data"][0]
    known = {
        "endpoint_id": endpoint.json()["id"],
        "refund_id": refund.json()["id"],
        "event_id": event["id"],
        "dispute_id": dispute.pk,
    }
    return Stage(shop=world.shop, known=known)


def _near(host: Any) -> bool:
    return str(host) == "localhost" or str(host)[:1].isdigit()


@st.composite
def requests_of(draw: Any, operation: Operation) -> Request:
    """Return an address, a body and headers for an operation: right in all, or hostile in any part."""
    of = draw(st.sampled_from([right, right, wrong]))
    path = operation.path
    for one in operation.parameters("path"):
        value = draw(st.sampled_from([*KNOWN[one["name"]], "nope", "a.b:c-d_e"]))
        path = path.replace(f"{{{one['name']}}}", quote(value, safe=""))
    query = _query(draw, operation, of)
    headers = {}
    if operation.needs_key:
        headers["Idempotency-Key"] = draw(st.from_regex(r"[\x21-\x7e]{1,40}", fullmatch=True))
    body = None
    if operation.takes is not None:
        body = json.dumps(draw(almost(operation.example) | of(operation.takes)), allow_nan=False).encode()
    return f"{path}?{urlencode(query)}" if query else path, body, headers


def _query(draw: Any, operation: Operation, of: Any) -> list[tuple[str, str]]:
    found = []
    for one in operation.parameters("query"):
        if one["name"] == "cursor" and of is right:
            # A text that the document allows is still no cursor of ours.
            continue
        if one.get("required") or draw(st.integers(min_value=0, max_value=3)) == 0:
            value = draw(of(one["schema"], one["name"]))
            if isinstance(value, bool):
                value = str(value).lower()
            found.append((one["name"], value if isinstance(value, str) else json.dumps(value)))
    if of is wrong and draw(st.integers(min_value=0, max_value=3)) == 0:
        found.append(
            (draw(st.sampled_from(["storefront__slug", "order_by", "x"])), draw(st.sampled_from(HOSTILE_TEXTS)))
        )
    return found


def check(operation: Operation, answer: Any) -> None:
    """Assert that an answer is one that the document describes."""
    status = answer.status_code
    assert status < 500, (status, answer.content)
    assert answer.headers["X-Request-Id"]
    if status == 204:
        assert answer.content == b""
        assert "204" in operation.raw["responses"]
        return
    media = "application/json" if status < 400 else "application/problem+json"
    assert answer.headers["Content-Type"] == media
    assert str(status) in operation.raw["responses"], f"{operation.name} does not know {status}: {answer.content!r}"
    body = answer.json()
    validator_of(operation.answer(status, media)).validate(body)
    if status >= 400:
        known = operation.raw["responses"][str(status)]["content"][media]["examples"]
        assert body["code"] in known, f"{operation.name} does not know {body['code']}"


class TestAnOperation:
    @pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
    def test_answers_as_the_document_says_whatever_it_is_sent(self, stage: Stage, operation: Operation) -> None:
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        )
        @given(request=requests_of(operation))
        def run(request: Request) -> None:
            check(operation, stage.send(operation.method, request))

        run()

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
            check(operation, answer)
