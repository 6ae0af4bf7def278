"""What every refusal of the API looks like."""

from typing import Any


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
    if field is not None:
        assert field in [error["field"] for error in body["errors"]], body["errors"]
    return body
