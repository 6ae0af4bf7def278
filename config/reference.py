"""The API's reference for people and for tools, open to everybody and without a word from another server."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from config import openapi

_METHODS = ("get", "post", "patch", "delete")
# The page runs no script: it is read, searched by the browser, and printed.
_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'"


@require_safe
def document(request: HttpRequest) -> JsonResponse:
    """Return the OpenAPI document."""
    return JsonResponse(openapi.document(), json_dumps_params={"ensure_ascii": False})


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Return the reference as one page, light or dark as the reader's system is."""
    found = openapi.document()
    about = marked(found["info"]["description"])
    answer = render(request, "api/reference.html", {"document": found, "about": about, "groups": groups(found)})
    answer["Content-Security-Policy"] = _POLICY
    return answer


def groups(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the operations by tag, each with its path, parameters, bodies and errors, as the page shows them."""
    made: dict[str, list[dict[str, Any]]] = {}
    for path, item in found["paths"].items():
        for method in _METHODS:
            if method in item:
                operation = item[method]
                made.setdefault(operation["tags"][0], []).append(
                    {
                        "id": operation["operationId"],
                        "method": method.upper(),
                        "path": path,
                        "summary": operation["summary"],
                        "text": marked(operation.get("description", "")),
                        "parameters": [
                            {**one, "means": marked(one.get("description", ""))}
                            for one in operation.get("parameters", [])
                        ],
                        "takes": _examples(found, operation.get("requestBody", {})),
                        "answers": [
                            _answer(found, status, one) for status, one in sorted(operation["responses"].items())
                        ],
                    }
                )
    return [{"name": name, "operations": operations} for name, operations in made.items()]


def marked(text: str) -> SafeString:
    """Return a text with what stands between backticks as code."""
    parts = enumerate(text.split("`"))
    return format_html_join("", "{}", ((format_html("<code>{}</code>", part) if n % 2 else part,) for n, part in parts))


def _answer(document: dict[str, Any], status: str, found: dict[str, Any]) -> dict[str, Any]:
    return {
        "status": status,
        "means": found["description"],
        "examples": _examples(document, found),
        "good": status < "400",
    }


def _examples(document: dict[str, Any], found: dict[str, Any]) -> list[dict[str, Any]]:
    content = found.get("content", {})
    return [
        {
            "name": example.get("summary", ""),
            "value": example["value"],
            "text": json.dumps(example["value"], indent=2, ensure_ascii=False),
        }
        for media in content.values()
        for each in media.get("examples", {}).values()
        for example in [openapi.resolved(document, each)]
    ]
