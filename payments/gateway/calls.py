"""The log of what was asked of a provider: what a call was about, how long it took, and what came back.

A call is noted here, where no model is known, and kept by the next transaction of its thread (`operations.edges.note`):
that is, by the one that records its outcome. The body is what the provider last said, with secrets and everything
that looks like a card number made harmless, and cut to a bearable size.
"""

import re
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from typing import Any, TypeVar, cast

from operations.cards import mask_cards
from operations.edges import note
from operations.ids import new_id
from payments.gateway.base import Declined, Gateway, Outcome, Succeeded, Unknown

T = TypeVar("T")

KIND = "payments.provider_call"
# In characters: of an answer's body, and of why a call did not succeed.
LONGEST_BODY = 16_000
LONGEST_REASON = 500
# How much of a body is looked at: what is cut in its middle must not come to stand, unmasked, where it is kept.
_LOOKED_AT = 4 * LONGEST_BODY
_SECRET_FIELDS = re.compile(
    r'("(?:client_secret|secret|api_key|password|authorization|signature|access_token|refresh_token)"\s*:\s*)'
    r'"(?:[^"\\]|\\.)*"?'
)
_SECRET_WORDS = re.compile(r"\b((?:sk|rk|whsec)_(?:live_|test_)?)\w+|([?&]token=)[^\"&\s\\]+")
# Few bodies have any: to look for these first is quick.
_SECRET_BEGINNINGS = ("sk_", "rk_", "whsec_", "token=")
_HIDDEN = "…"


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call to a provider, as it is kept. `about` is kind:id of ours, `key` our idempotency key.

    `requests` says of how many HTTP requests it consisted: none where the provider was not even asked. Status,
    request id and body are the last one's.
    """

    id: str
    psp: str
    op: str
    about: str
    key: str
    sent_at: datetime
    took_ms: int
    outcome: str
    reason: str
    requests: int
    http_status: int | None
    request_id: str
    object_id: str
    body: str


class _Heard:
    """What came back so far during one call."""

    def __init__(self) -> None:
        self.requests = 0
        self.status: int | None = None
        self.request_id = ""
        self.body = b""


# What the call of the moment is about, with its key; and what it has heard.
_subject: ContextVar[tuple[str, str]] = ContextVar("subject of provider calls", default=("", ""))
_listening: ContextVar[_Heard | None] = ContextVar("answers of a provider call", default=None)


def with_subject(gateway: Gateway, about: str) -> Gateway:
    """Return a gateway whose calls are kept with what they are about (kind:id)."""
    return cast(Gateway, _About(gateway, about))


def heard(status: int, body: bytes, *, request_id: str = "") -> None:
    """Take note of one HTTP answer; adapters call it."""
    told = _listening.get()
    if told is None:
        return
    told.requests += 1
    told.status, told.body, told.request_id = status, body, request_id


def kept(psp: str, op: str, call: Callable[[], Outcome[T]]) -> Outcome[T]:
    """Make a call, and note it for the log whatever comes of it."""
    told = _Heard()
    token = _listening.set(told)
    begun = time.monotonic_ns()
    sent_at = datetime.now(UTC)  # tidy: when it left, not what its verb was told
    outcome: Outcome[T] | None = None
    try:
        outcome = call()
        return outcome
    finally:
        _listening.reset(token)
        note(KIND, _noted(psp, op, told, outcome, sent_at=sent_at, took_ns=time.monotonic_ns() - begun))


def harmless(body: bytes) -> str:
    """Return a body as it may be kept: secrets and card-like numbers masked, cut to size, no NUL in it."""
    text = body[:_LOOKED_AT].decode(errors="replace").replace("\0", "�")
    text = _SECRET_FIELDS.sub(rf'\1"{_HIDDEN}"', text)
    if any(beginning in text for beginning in _SECRET_BEGINNINGS):
        text = _SECRET_WORDS.sub(lambda found: f"{found[1] or found[2]}{_HIDDEN}", text)
    text = mask_cards(text)
    if len(text) > LONGEST_BODY or len(body) > _LOOKED_AT:
        return f"{text[:LONGEST_BODY]}… (cut; {len(body)} bytes came)"
    return text


class _About:
    """A gateway that says of each call what it is about."""

    def __init__(self, gateway: Gateway, about: str) -> None:
        self._gateway = gateway
        self._about = about

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._gateway, name)
        if not callable(found):
            return found

        @wraps(found)
        def asked(*args: Any, **kwargs: Any) -> Any:
            token = _subject.set((self._about, str(kwargs.get("key", ""))))
            try:
                return found(*args, **kwargs)
            finally:
                _subject.reset(token)

        return asked


def _noted(psp: str, op: str, told: _Heard, outcome: Outcome[Any] | None, *, sent_at: datetime, took_ns: int) -> Call:
    about, key = _subject.get()
    ended, reason, object_id = _ending(outcome)
    return Call(
        id=new_id("cal"),
        psp=psp,
        op=op,
        about=about,
        key=key,
        sent_at=sent_at,
        took_ms=took_ns // 1_000_000,
        outcome=ended,
        reason=harmless(reason.encode(errors="replace"))[:LONGEST_REASON],
        requests=told.requests,
        http_status=told.status,
        request_id=told.request_id.replace("\0", "")[:200],
        object_id=object_id.replace("\0", "")[:200],
        body=harmless(told.body),
    )


def _ending(outcome: Outcome[Any] | None) -> tuple[str, str, str]:
    """Return a call's outcome as a word, why, and the provider's object that it showed."""
    match outcome:
        case Succeeded(value=str() as identity):
            return "succeeded", "", identity
        case Succeeded(value=value):
            return "succeeded", "" if value is not None else "nothing found", str(getattr(value, "psp_ref", "") or "")
        case Declined(code=code, message=message):
            return "declined", f"{code}: {message}", ""
        case Unknown(reason=reason, sent=sent):
            return "unknown" if sent else "not_sent", reason, ""
        case _:
            return "unknown", "the call was broken off", ""
