"""The OpenAPI document: drf-spectacular's, with the errors that every operation has, each with an example."""

from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator

from config import web_server
from config.problems import CONTENT_TYPE, STATUSES, TITLES
from operations.api.described import NEEDS_KEY, PROBLEMS, sample
from operations.api.idempotent import IdempotencyKeyMalformed, IdempotencyKeyMissing
from operations.api.queries import UnknownParameter
from operations.api.throttling import RateLimited
from operations.errors import DomainError
from operations.idempotency import KeyReused, RequestInProgress

Json = dict[str, Any]
_METHODS = ("get", "post", "put", "patch", "delete")
_STRING: Json = {"type": "string"}
PROBLEM: Json = {
    "type": "object",
    "description": "What went wrong (RFC 9457). `code` is stable; `detail` is for people.",
    "required": ["type", "title", "status", "code", "detail", "request_id"],
    "properties": {
        "type": {**_STRING, "pattern": "^urn:counterfoil:problem:"},
        "title": _STRING,
        "status": {"type": "integer"},
        "code": _STRING,
        "detail": _STRING,
        "request_id": {**_STRING, "description": "The X-Request-Id of the answer: name it when you ask us."},
        "errors": {
            "type": "array",
            "description": "The fields or parameters that are wrong.",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": _STRING, "message": _STRING},
            },
        },
    },
}
# What REST framework itself refuses, with our words for it: code -> status, detail.
_EVERYWHERE = {
    "not_authenticated": (401, "Authentication credentials were not provided."),
    "authentication_failed": (401, "The API key is missing, unknown, expired or revoked."),
    "not_acceptable": (406, "Could not satisfy the request Accept header."),
    "internal": (500, "Something went wrong here."),
    "unavailable": (503, "Try again with the same Idempotency-Key."),
    web_server.CODE: (503, web_server.DETAIL),
}
_WITH_BODY = {
    "parse_error": (400, "The body is not valid JSON: Expecting value: line 1 column 1 (char 0)."),
    "length_required": (411, "Send the body with its Content-Length, not in chunks."),
    "body_too_large": (413, "The request body is too large."),
    "unsupported_media_type": (415, 'Unsupported media type "text/plain" in request.'),
    "invalid": (422, "Some fields are wrong."),
}
_WAIT = {"description": "Seconds to wait before the next try.", "schema": {"type": "integer", "minimum": 1}}


@cache
def document() -> Json:
    """Return the whole document."""
    generator: Any = SchemaGenerator
    made: Json = generator().get_schema(request=None, public=True)
    return made


def complete(result: Json, generator: Any, **_: Any) -> Json:
    """Add to every operation its errors, with an example of each, and its request id (a hook of drf-spectacular)."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = PROBLEM
    for name, schema in schemas.items():
        if name.endswith(("Input", "Change")):
            # What is not known is refused, not ignored.
            schema["additionalProperties"] = False
    examples = result["components"].setdefault("examples", {})
    for path, item in result["paths"].items():
        for method in _METHODS:
            if method in item:
                _complete(item[method], path, examples)
    result["components"]["examples"] = dict(sorted(examples.items()))
    result["tags"] = [{"name": name} for name in _tags(result)]
    return result


def resolved(document: Json, found: Json) -> Json:
    """Return what an object stands for: itself, or the component that it refers to."""
    if "$ref" not in found:
        return found
    _, *steps = found["$ref"].split("/")
    for step in steps:
        document = document[step]
    return document


def _tags(result: Json) -> list[str]:
    """Return what operations are put together under, in the order in which they come."""
    items = [item[method] for item in result["paths"].values() for method in _METHODS if method in item]
    return list(dict.fromkeys(tag for operation in items for tag in operation["tags"]))


def _complete(operation: Json, path: str, examples: Json) -> None:
    own = {problem["code"]: (STATUSES.get(problem["code"], 409), problem["detail"]) for problem in operation[PROBLEMS]}
    del operation[PROBLEMS]
    problems = {**_EVERYWHERE, **_of(UnknownParameter), **_of(RateLimited), **own}
    if "requestBody" in operation:
        problems |= _WITH_BODY
    if operation.pop(NEEDS_KEY):
        problems |= _of(IdempotencyKeyMissing, IdempotencyKeyMalformed, KeyReused, RequestInProgress)
    if "{" in path:
        problems["not_found"] = (404, "There is nothing at this address.")
    for answer in operation["responses"].values():
        answer.setdefault("headers", {})["X-Request-Id"] = {"schema": _STRING}
    for code in sorted(problems):
        status, detail = problems[code]
        _add(operation["responses"], code, status)
        examples[code] = {"summary": code, "value": _example(code, status, detail)}


def _add(responses: Json, code: str, status: int) -> None:
    answer = responses.setdefault(
        str(status),
        {
            "description": TITLES[status],
            "headers": {"X-Request-Id": {"schema": _STRING}},
            "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}},
        },
    )
    if status in (409, 429, 503):
        answer["headers"]["Retry-After"] = _WAIT
    answer["content"][CONTENT_TYPE]["examples"][code] = {"$ref": f"#/components/examples/{code}"}


def _example(code: str, status: int, detail: str) -> Json:
    body: Json = {
        "type": f"urn:counterfoil:problem:{code}",
        "title": TITLES[status],
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": "req_06f4w8q2m1n5p7r9t3v6x8z0ab",
    }
    if code == "invalid":
        body["errors"] = [{"field": "payment_order_id", "message": "This field is required."}]
    return body


def _of(*errors: type[DomainError]) -> dict[str, tuple[int, str]]:
    return {error.code: (STATUSES.get(error.code, 409), sample(error)) for error in errors}
