"""The OpenAPI document as a Postman collection (format 2.1): a folder a tag, a request an operation."""

import json
import re
from typing import Any

Json = dict[str, Any]
_SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_METHODS = ("get", "post", "patch", "delete")
_PARAMETER = re.compile(r"\{(\w+)\}")


def collection(document: Json) -> Json:
    """Return the collection. Its variables are the address and the API key; nothing in it is random."""
    folders: dict[str, list[Json]] = {}
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                folders.setdefault(item[method]["tags"][0], []).append(_request(method, path, item[method]))
    return {
        "info": {
            "name": f"{document['info']['title']} API",
            "description": document["info"]["description"],
            "schema": _SCHEMA,
        },
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{api_key}}", "type": "string"}]},
        "variable": [
            {"key": "base_url", "value": "http://127.0.0.1:8000"},
            {"key": "api_key", "value": ""},
        ],
        "item": [{"name": name, "item": requests} for name, requests in folders.items()],
    }


def _request(method: str, path: str, operation: Json) -> Json:
    request: Json = {
        "method": method.upper(),
        "description": operation.get("description", ""),
        "header": [_header(one) for one in operation.get("parameters", []) if one["in"] == "header"],
        "url": _url(path, operation),
    }
    body = _first_example(operation.get("requestBody", {}))
    if body is not None:
        request["header"].append({"key": "Content-Type", "value": "application/json"})
        request["body"] = {
            "mode": "raw",
            "raw": _text(body),
            "options": {"raw": {"language": "json"}},
        }
    answers = [
        _saved(request, status, example["value"], media)
        for status, answer in sorted(operation["responses"].items())
        if status < "400"
        for media, content in answer.get("content", {}).items()
        for example in content.get("examples", {}).values()
    ]
    return {"name": operation["summary"], "request": request, "response": answers}


def _header(parameter: Json) -> Json:
    # Postman's own word for another value at each sending.
    value = "{{$guid}}" if parameter["name"] == "Idempotency-Key" else ""
    return {"key": parameter["name"], "value": value, "description": parameter.get("description", "")}


def _url(path: str, operation: Json) -> Json:
    parts = [_PARAMETER.sub(r":\1", part) for part in path.strip("/").split("/")]
    query = [
        {
            "key": one["name"],
            "value": "",
            "description": one.get("description", ""),
            "disabled": not one.get("required", False),
        }
        for one in operation.get("parameters", [])
        if one["in"] == "query"
    ]
    variables = [{"key": name, "value": ""} for name in _PARAMETER.findall(path)]
    return {
        "raw": "{{base_url}}/" + "/".join(parts),
        "host": ["{{base_url}}"],
        "path": parts,
        **({"query": query} if query else {}),
        **({"variable": variables} if variables else {}),
    }


def _saved(request: Json, status: str, value: Any, media: str) -> Json:
    return {
        "name": status,
        "originalRequest": request,
        "code": int(status),
        "header": [{"key": "Content-Type", "value": media}],
        "_postman_previewlanguage": "json",
        "body": _text(value),
    }


def _first_example(body: Json) -> Any:
    for content in body.get("content", {}).values():
        for example in content.get("examples", {}).values():
            return example["value"]
    return None


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
