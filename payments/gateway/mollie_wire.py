"""What Mollie's answers are as HTTP: an object, a definite no, or nothing that can be believed."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import urllib3

from payments.gateway import mollie_objects as read
from payments.gateway.base import Declined, Unknown
from payments.gateway.timed import told_to_wait

Json = dict[str, Any]

_MOST_BYTES = 5 * 1024 * 1024
# The error statuses that say what is wrong with a request, and that nothing was done.
_DEFINITE = (400, 404, 410, 422)


class Refused(Exception):
    """Mollie answered with a status that is no success."""

    def __init__(self, answer: urllib3.BaseHTTPResponse) -> None:
        super().__init__(f"HTTP {answer.status}")
        self.answer = answer


class Answered(Exception):
    """A call ended without what was asked for."""

    def __init__(self, outcome: Declined | Unknown) -> None:
        self.outcome = outcome


@contextmanager
def as_outcome() -> Iterator[None]:
    """Classify what went wrong. Only a 4xx that says what is wrong with the request is a definite no."""
    try:
        yield
    except Refused as error:
        raise Answered(_refusal(error.answer)) from error
    except (urllib3.exceptions.HTTPError, UnicodeError) as error:
        raise Answered(Unknown(reason=f"{type(error).__name__}: {error}"[:300])) from error
    except read.Unreadable as error:
        raise Answered(Unknown(reason=f"unreadable answer: {error}"[:300])) from error


def _refusal(answer: urllib3.BaseHTTPResponse) -> Declined | Unknown:
    status, wait_s = answer.status, told_to_wait(answer.headers)
    if status == 429:
        return Unknown(reason="rate limited", retry_after_s=wait_s or 1, heard=True)
    if status == 409:
        # How long Mollie calls an equal refund of the same payment a duplicate is not known: asked ever less often.
        return Unknown(reason="the same request is still running there, or was made just now", heard=True)
    told = _problem(answer)
    if status not in _DEFINITE or told is None:
        # 401 and 403 too: our key is wrong, which says nothing about the payment.
        return Unknown(reason=f"HTTP {status}", retry_after_s=wait_s, heard=status in (401, 403))
    code = "resource_missing" if status in (404, 410) else "invalid_request"
    field = f" ({told['field']})" if told.get("field") else ""
    return Declined(code=code, message=f"{told.get('detail') or told['title']}{field}", missing=status in (404, 410))


def _problem(answer: urllib3.BaseHTTPResponse) -> Json | None:
    """Return Mollie's own description of an error; None where something else answered in its place."""
    try:
        told = answer.json()
    except ValueError:
        return None
    return told if isinstance(told, dict) and told.get("status") == answer.status and "title" in told else None


def body_of(answer: urllib3.BaseHTTPResponse) -> Json:
    """Return the object that an answer has. Raises Unreadable."""
    if len(answer.data) > _MOST_BYTES:
        raise read.Unreadable("an answer of unlikely size")
    try:
        found = json.loads(answer.data)
    except (ValueError, RecursionError) as error:
        raise read.Unreadable("no JSON") from error
    if not isinstance(found, dict):
        raise read.Unreadable("no object")
    return found


def answered_at(answer: urllib3.BaseHTTPResponse) -> datetime:
    """Return when Mollie answered, by its own clock."""
    try:
        return parsedate_to_datetime(answer.headers["Date"])
    except (KeyError, ValueError) as error:
        raise read.Unreadable("an answer without its date") from error
