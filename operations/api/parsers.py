"""A JSON parser that refuses what `json.loads` lets through."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import IO, Any, NoReturn

from django.conf import settings
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request


class BodyTooLarge(APIException):
    """The request body is larger than the API accepts."""

    status_code = 413
    default_detail = "The request body is too large."
    default_code = "body_too_large"


class LengthRequired(APIException):
    """A body came in chunks, without its length: the server would read nothing of it."""

    status_code = 411
    default_detail = "Send the body with its Content-Length, not in chunks."
    default_code = "length_required"


def body_of(request: Request) -> Any:
    """Return what a request's body says, which must be there. Raises LengthRequired, ParseError, BodyTooLarge.

    Django reads no further than Content-Length, and the framework takes what it did not read for an empty object: a
    refund of a part, sent in chunks, would be a refund of everything.
    """
    if not request.headers.get("Content-Length", "").strip("0"):
        if "Transfer-Encoding" in request.headers:
            raise LengthRequired
        raise ParseError("The body is missing; where there is nothing to say, send {}.")
    return request.data


class StrictJSONParser(BaseParser):
    """Parse UTF-8 JSON; refuse duplicate keys, NaN, unpaired surrogates, NUL, and nesting without end."""

    media_type = "application/json"

    def longest(self) -> int:
        """Return how many bytes a body may have."""
        return settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the parsed body. Raises ParseError (400) or BodyTooLarge (413)."""
        limit = self.longest()
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            raise BodyTooLarge
        try:
            text = raw.decode("utf-8")
            body = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constants, parse_float=Decimal)
            _check_text(body)
        except UnicodeError as error:
            raise ParseError("The body must be UTF-8, without unpaired surrogates.") from error
        except RecursionError as error:
            raise ParseError("The body is nested too deeply.") from error
        except ValueError as error:
            raise ParseError(f"The body is not valid JSON: {error}.") from error
        return body


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ParseError(f"The field {name[:64]!r} appears twice.")
        found[name] = value
    return found


def _no_constants(name: str) -> NoReturn:
    raise ParseError(f"{name} is not a JSON value.")


def _check_text(value: Any) -> None:
    """Raise for text that PostgreSQL could not store."""
    match value:
        case str():
            value.encode("utf-8")
            if "\x00" in value:
                raise ParseError("Text must not contain NUL.")
        case dict():
            for name, inner in value.items():
                _check_text(name)
                _check_text(inner)
        case list():
            for inner in value:
                _check_text(inner)
