"""What a client may ask of a list: allow-listed filters, allow-listed expansions, and pages by cursor.

Whatever is not on the list is refused by name (400), never ignored: a misspelt filter would answer another question.
A cursor is opaque. It says after which row the next page begins, and to which question it belongs; rows have ids that
never change, so a page is the same however much was added in front of it meanwhile.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any

from django.db.models import QuerySet
from django.utils.dateparse import parse_date, parse_datetime
from rest_framework.request import Request

from operations.errors import DomainError

# What may be expanded, with what has to be fetched for it.
Expandable = Mapping[str, Sequence[str]]
DEFAULT_LIMIT = 20
MAX_LIMIT = 100
IDENTIFIER = r"^[A-Za-z0-9][A-Za-z0-9_.:\-]{0,63}$"
_IDENTIFIER = re.compile(IDENTIFIER.removesuffix("$") + r"\Z")
_OFFSET = re.compile(r"(?:Z|[+-]\d\d:\d\d)\Z")


class UnknownParameter(DomainError):
    """The query parameter {parameter!r} is not known here. Known are: {known}."""

    code = "unknown_parameter"


class BadParameter(DomainError):
    """The query parameter {parameter!r} is wrong: {problem}"""

    code = "bad_parameter"


@dataclass(frozen=True, kw_only=True)
class Filter:
    """One question that may be asked of a list: the column, how its text is read, and what it means."""

    lookup: str
    read: Callable[[str], Any]
    means: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page of rows, and the cursor of the next one where there is one."""

    rows: list[Any]
    next_cursor: str | None

    def body(self, show: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        """Return the page as clients see it."""
        return {
            "data": [show(row) for row in self.rows],
            "has_more": self.next_cursor is not None,
            "next_cursor": self.next_cursor,
        }


def identifier(lookup: str, means: str) -> Filter:
    """Return a filter by an id that a client chose, or by one of ours."""
    return Filter(lookup=lookup, read=_identifier, means=means, schema={"type": "string", "pattern": IDENTIFIER})


def choice(lookup: str, means: str, choices: Sequence[str]) -> Filter:
    """Return a filter by one of a few words."""

    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(f"it must be one of {', '.join(choices)}")
        return text

    return Filter(lookup=lookup, read=read, means=means, schema={"type": "string", "enum": list(choices)})


def truth(lookup: str, means: str) -> Filter:
    """Return a filter by true or false."""

    def read(text: str) -> bool:
        if text not in ("true", "false"):
            raise ValueError("it must be true or false")
        return text == "true"

    return Filter(lookup=lookup, read=read, means=means, schema={"type": "boolean"})


def moment(lookup: str, means: str) -> Filter:
    """Return a filter by an instant with its offset."""
    return Filter(lookup=lookup, read=_moment, means=means, schema={"type": "string", "format": "date-time"})


def no_parameters(request: Request) -> None:
    """Refuse any query parameter. Raises UnknownParameter."""
    _known(request, ())


def fetching(rows: QuerySet[Any], wanted: frozenset[str], expand: Expandable) -> QuerySet[Any]:
    """Return rows that bring along what is to be shown whole."""
    return rows.prefetch_related(*(lookup for name in sorted(wanted) for lookup in expand[name]))


def expansions(request: Request, allowed: Collection[str], *, besides: Sequence[str] = ()) -> frozenset[str]:
    """Return what `expand` names, separated by commas. Raises UnknownParameter, BadParameter."""
    _known(request, ("expand", *besides) if allowed else besides)
    text = _single(request, "expand")
    wanted = frozenset(text.split(",")) if text is not None else frozenset()
    for name in sorted(wanted - set(allowed)):
        problem = f"{name[:40]!r} cannot be expanded; {', '.join(allowed)} can."
        raise BadParameter(parameter="expand", problem=problem)
    return wanted


def page_of(
    request: Request, rows: QuerySet[Any], *, filters: Mapping[str, Filter], expand: Expandable = MappingProxyType({})
) -> tuple[Page, frozenset[str]]:
    """Return the page of rows that a request asks for, newest first, and what it wants expanded.

    Raises UnknownParameter and BadParameter, each naming the parameter.
    """
    wanted = expansions(request, expand, besides=(*filters, "limit", "cursor"))
    rows = fetching(rows, wanted, expand)
    asked = {name: text for name in filters if (text := _single(request, name)) is not None}
    for name, text in asked.items():
        rows = rows.filter(**{filters[name].lookup: _read(name, filters[name].read, text)})
    question = hashlib.sha256(json.dumps([request.path, asked], sort_keys=True).encode()).hexdigest()[:12]
    limit_text = _single(request, "limit")
    limit = DEFAULT_LIMIT if limit_text is None else _read("limit", _limit, limit_text)
    cursor = _single(request, "cursor")
    if cursor is not None:
        rows = rows.filter(pk__lt=_read("cursor", lambda text: _after(text, question), cursor))
    found = list(rows.order_by("-pk")[: limit + 1])
    more = _cursor(found[limit - 1].pk, question) if len(found) > limit else None
    return Page(rows=found[:limit], next_cursor=more), wanted


def business_day(request: Request, name: str) -> date:
    """Return a day (2026-11-20) that must be given. Raises BadParameter."""
    found: date = required(request, name, _day)
    return found


def required(request: Request, name: str, read: Callable[[str], Any]) -> Any:
    """Return a parameter that must be given, as `read` makes it of its text. Raises BadParameter."""
    text = _single(request, name)
    if text is None:
        raise BadParameter(parameter=name, problem="it must be given.")
    return _read(name, read, text)


def only(request: Request, *names: str) -> None:
    """Refuse every query parameter but these. Raises UnknownParameter."""
    _known(request, names)


def _known(request: Request, known: Sequence[str]) -> None:
    for name in request.query_params:
        if name not in known:
            raise UnknownParameter(parameter=str(name)[:64], known=", ".join(known) or "none")


def _single(request: Request, name: str) -> str | None:
    given = request.query_params.getlist(name)
    if len(given) > 1:
        raise BadParameter(parameter=name, problem="it is given more than once.")
    if given and ("\x00" in given[0] or not given[0].isprintable()):
        raise BadParameter(parameter=name, problem="it holds control characters.")
    return given[0] if given else None


def _read(name: str, read: Callable[[str], Any], text: str) -> Any:
    try:
        return read(text)
    except ValueError as error:
        raise BadParameter(parameter=name, problem=f"{error}.") from error


def _identifier(text: str) -> str:
    if not _IDENTIFIER.match(text):
        raise ValueError("it must be 1 to 64 letters, digits, '_', '-', '.' or ':'")
    return text


def _moment(text: str) -> datetime:
    found = parse_datetime(text) if text.isascii() and _OFFSET.search(text) else None
    if found is None or not 2000 <= found.year < 9000:
        raise ValueError("it must be an instant with its offset, as in 2026-11-20T14:00:00Z")
    # PostgreSQL reads no offset of sixteen hours and more, which RFC 3339 allows.
    return found.astimezone(UTC)


def _day(text: str) -> date:
    found = parse_date(text) if text.isascii() else None
    if found is None or not 2000 <= found.year < 9000:
        raise ValueError("it must be a day, as in 2026-11-20")
    return found


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MAX_LIMIT):
        raise ValueError(f"it must be a whole number from 1 to {MAX_LIMIT}")
    return int(text)


def _cursor(after: Any, question: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([question, after]).encode()).decode().rstrip("=")


def _after(cursor: str, question: str) -> Any:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        asked, after = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError, RecursionError) as error:
        raise ValueError("it is no cursor of ours") from error
    if asked != question or type(after) not in (int, str) or (isinstance(after, str) and not _IDENTIFIER.match(after)):
        raise ValueError("it belongs to another list, or to other filters")
    if isinstance(after, int) and not 0 < after < 2**63:
        raise ValueError("it is no cursor of ours")
    return after


# Filters that most lists have.
CREATED = {
    "created_from": moment("created_at__gte", "made at this instant or later"),
    "created_before": moment("created_at__lt", "made before this instant"),
}
