"""How an operation describes itself in the OpenAPI document: one decorator, so that none forgets a part.

An operation names the errors of its own; `config/openapi.py` knows their statuses, adds the errors that every
operation of its kind has, and gives each an example.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from string import Formatter
from typing import Any, TypeVar

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers

from operations.api.queries import DEFAULT_LIMIT, MAX_LIMIT, Filter
from operations.errors import DomainError

PROBLEMS = "x-problems"
NEEDS_KEY = "x-needs-key"
F = TypeVar("F", bound=Callable[..., Any])

KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$"},
    OpenApiParameter.HEADER,
    required=True,
    description="A name of your own for this request. Sent again with the same body, it is the same request.",
)
# A body without any field must still be sent, as {}; drf-spectacular would leave it out.
_NO_FIELDS = {"application/json": {"type": "object", "additionalProperties": False}}
# What stands for a fact in an example of an error's message.
_SAMPLES = {"wait": 2, "limit": 16, "bps": 1900}


@dataclass(frozen=True, kw_only=True)
class Shown:
    """An answer: its status, its serializer (None: no body), an example, and whether it says when to ask again."""

    status: int
    body: type[serializers.Serializer[Any]] | None
    example: Any = None
    means: str = ""
    waits: bool = False


def described(
    *,
    name: str,
    summary: str,
    shows: Sequence[Shown],
    takes: type[serializers.Serializer[Any]] | None = None,
    example: Any = None,
    key: bool = False,
    fails: Sequence[type[DomainError]] = (),
    parameters: Sequence[OpenApiParameter] = (),
    tag: str,
) -> Callable[[F], F]:
    """Describe a method of a view. `name` is the operation's id, `example` a body that it takes."""
    examples = [OpenApiExample("request", value=example, request_only=True)] if example is not None else []
    examples += [
        OpenApiExample(f"answer {one.status}", value=one.example, response_only=True, status_codes=[str(one.status)])
        for one in shows
        if one.example is not None
    ]
    described_as: Callable[[F], F] = extend_schema(
        operation_id=name,
        summary=summary,
        request=_NO_FIELDS if takes is not None and not takes().fields else takes,
        responses={one.status: OpenApiResponse(one.body, description=one.means or "Done.") for one in shows},
        parameters=[*([KEY] if key else []), *parameters, *_headers(shows, marks=key)],
        examples=examples,
        tags=[tag],
        extensions={
            PROBLEMS: [{"code": error.code, "detail": sample(error)} for error in fails],
            NEEDS_KEY: key,
        },
    )
    return described_as


def _headers(shows: Sequence[Shown], *, marks: bool) -> list[OpenApiParameter]:
    """Return the headers that only some answers have."""
    found = []
    if marks:
        statuses = [one.status for one in shows if not one.waits]
        found.append(
            OpenApiParameter(
                "Idempotent-Replayed",
                {"type": "string", "enum": ["true"]},
                OpenApiParameter.HEADER,
                response=statuses,
                description="There when this is the first answer again.",
            )
        )
    waiting = [one.status for one in shows if one.waits]
    if waiting:
        found.append(
            OpenApiParameter(
                "Retry-After",
                {"type": "integer", "minimum": 1},
                OpenApiParameter.HEADER,
                response=waiting,
                description="Seconds to wait before the next try.",
            )
        )
    return found


def page_parameters(filters: Mapping[str, Filter], expand: Collection[str] = ()) -> list[OpenApiParameter]:
    """Return the parameters of a list."""
    found = [
        OpenApiParameter(name, dict(one.schema), OpenApiParameter.QUERY, description=f"Only those: {one.means}.")
        for name, one in filters.items()
    ]
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    cursor = "`next_cursor` of the page before; give the same filters with it."
    return [
        *found,
        OpenApiParameter("limit", limit, OpenApiParameter.QUERY, description="How many to a page."),
        OpenApiParameter("cursor", {"type": "string"}, OpenApiParameter.QUERY, description=cursor),
        *expand_parameter(expand),
    ]


def expand_parameter(expand: Collection[str]) -> list[OpenApiParameter]:
    """Return the parameter `expand`, where anything can be expanded."""
    if not expand:
        return []
    one = "|".join(expand)
    text = f"What to show whole, separated by commas: {', '.join(f'`{each}`' for each in expand)}."
    pattern = {"type": "string", "pattern": f"^({one})(,({one}))*$"}
    return [OpenApiParameter("expand", pattern, OpenApiParameter.QUERY, description=text)]


@cache
def page_serializer(child: type[serializers.Serializer[Any]]) -> type[serializers.Serializer[Any]]:
    """Return the serializer of a page of rows."""
    next_cursor = serializers.CharField(allow_null=True, help_text="Where the next page begins; null on the last.")
    fields = {
        "data": child(many=True),
        "has_more": serializers.BooleanField(),
        "next_cursor": next_cursor,
        "__doc__": "A page, newest first.",
    }
    return type(f"{child.__name__}Page", (serializers.Serializer,), fields)


def page_example(*rows: Any) -> dict[str, Any]:
    """Return an example of a page."""
    return {"data": list(rows), "has_more": False, "next_cursor": None}


def sample(error: type[DomainError]) -> str:
    """Return an error's message with something plausible for each fact."""
    template = error.template()
    names = [name for _, name, _, _ in Formatter().parse(template) if name]
    return template.format(**{name: _SAMPLES.get(name, f"…{name}…") for name in names})
