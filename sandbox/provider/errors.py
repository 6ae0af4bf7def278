"""Errors of the API, in the shape of the provider's error bodies.

`executed` tells whether the endpoint had begun its work: only such answers are kept for idempotent replay.
`keep` tells whether what was written until then stays (a declined card leaves a failed charge behind).
"""

from typing import Any

Json = dict[str, Any]


class ApiError(Exception):
    """Refuse a request with an error body."""

    status = 400
    type = "invalid_request_error"
    executed = False
    keep = False

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: dict[str, str] | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param
        self.headers = headers or {}
        self.facts = facts

    def body(self) -> Json:
        """Return the JSON error body."""
        error: Json = {"type": self.type, "message": self.message}
        if self.code:
            error["code"] = self.code
        if self.param:
            error["param"] = self.param
        error.update({name: value for name, value in self.facts.items() if value is not None})
        return {"error": error}


class InvalidRequest(ApiError):
    """Refuse parameters that cannot be executed at all."""


class Unauthorized(ApiError):
    """Refuse a missing or foreign API key."""

    status = 401


class NotFound(ApiError):
    """Refuse an identifier or an address that does not exist."""

    status = 404

    @classmethod
    def resource(cls, kind: str, object_id: str, param: str = "id") -> "NotFound":
        """Build the error for an object that does not exist."""
        label = kind.replace("_", " ") if kind != "payment_intent" else kind
        return cls(f"No such {label}: '{object_id}'", code="resource_missing", param=param)

    @classmethod
    def address(cls, method: str, path: str) -> "NotFound":
        """Build the error for a URL that nobody answers."""
        return cls(f"Unrecognized request URL ({method}: {path}).")


class Refused(ApiError):
    """Refuse after work began: the state of an object does not allow the request."""

    executed = True


class CardDeclined(ApiError):
    """Report a card that was not charged; the failed attempt is kept."""

    status = 402
    type = "card_error"
    executed = True
    keep = True


class KeyReused(ApiError):
    """Refuse an idempotency key that came before with other parameters."""

    type = "idempotency_error"


class KeyInUse(ApiError):
    """Refuse an idempotency key whose first request is still running."""

    status = 409
    type = "idempotency_error"


class Injected(ApiError):
    """Answer with an error that the fault plan asked for."""

    type = "api_error"

    def __init__(self, message: str, *, status: int, headers: dict[str, str] | None = None, code: str | None = None):
        super().__init__(message, code=code, headers=headers)
        self.status = status
        if status == 429:
            self.type = "invalid_request_error"


class Undone(Injected):
    """Fail in the middle of the work, which is rolled back; the answer is kept for replay all the same."""

    executed = True


class ConnectionCut(Exception):
    """Close the connection without an answer, after waiting `hang_s` seconds."""

    def __init__(self, hang_s: float = 0) -> None:
        super().__init__(f"connection cut after {hang_s} s")
        self.hang_s = hang_s
