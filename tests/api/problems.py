"""What every refusal of the API looks like."""

import re
from collections.abc import Mapping
from typing import Any

from tests.api.openapi import operations
from tests.snapshot import nothing_changes
from tests.world import Shop


def assert_problem(response: Any, status: int, code: str, *, field: str | None = None) -> dict[str, Any]:
    """Assert that a response is an RFC 9457 problem of this status and code, naming the field; return it."""
    assert response.status_code == status, response.content
    assert response.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert (body["status"], body["code"]) == (status, code), body
    assert body["type"] == f"urn:counterfoil:problem:{code}"
    assert body["title"]
    assert body["detail"]
    assert "Traceback" not in str(body)
    _assert_described(response.wsgi_request, status, code)
    if field is not None:
        assert field in [error["field"] for error in body["errors"]], body["errors"]
    return body


def _assert_described(request: Any, status: int, code: str) -> None:
    """Assert that the OpenAPI document tells of a refusal, where it knows the operation."""
    for operation in operations():
        pattern = re.sub(r"\{\w+\}", "[^/]+", operation.path)
        if operation.method == request.method and re.fullmatch(pattern, request.path):
            told = operation.raw["responses"].get(str(status), {"content": {}})["content"]
            known = [name for content in told.values() for name in content["examples"]]
            assert code in known, f"{operation.name} does not tell of {status} {code}"


def assert_all_refused(
    shop: Shop, path: str, bodies: Mapping[str, Any], status: int, code: str, *, field: str | None = None
) -> None:
    """POST each body and assert that each is the same problem and that none of them changed a row.

    One test for many bodies of a kind: setting the stage costs more than the requests.
    """
    wrong = {}
    with nothing_changes():
        for name, body in bodies.items():
            try:
                assert_problem(shop.post(path, body, key="k"), status, code, field=field)
            except AssertionError as error:
                wrong[name] = str(error)
    assert not wrong
