"""The OpenAPI document as a Postman collection (format 2.1): a folder a tag, a request an operation.

It is meant to be sent from top to bottom: what a request needs to know, an earlier one has made, named by a variable.
"""

import json
import re
from typing import Any

from payments.api import examples

Json = dict[str, Any]
_SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_METHODS = ("get", "post", "patch", "delete")
_PARAMETER = re.compile(r"\{(\w+)\}")
_FOLDERS = ("sellers", "webhook-endpoints", "payments", "checkouts", "deliveries", "refunds", "disputes", "events")
# Within a folder: evidence names a file, and what is deleted or called off is of no more use.
_LAST = ("submitEvidence", "deleteEndpoint", "cancelPayment")
_CART = examples.PAYMENT["checkout_id"]
# A cart of its own is replaced and called off: of the first one, what follows is delivered and refunded.
_CALLED_OFF = f"{_CART}-off"
# The cart of the examples is another seller's too.
_MORE = {
    "registerSeller": ("ann", examples.OTHER_SELLER),
    "createPayment": ("to be called off", json.loads(json.dumps(examples.PAYMENT).replace(_CART, _CALLED_OFF))),
}
VARIABLES = {
    "base_url": "http://127.0.0.1:8000",
    "api_key": "",
    "webhook_url": "http://127.0.0.1:9000/hooks",
    "seller_id": "ann",
    "checkout_id": _CART,
    "refund_id": "",
    "dispute_id": "",
    "file_id": "",
    "endpoint_id": "",
    "event_id": "",
}
# What stands in an address: a variable of its own name, or this.
_ADDRESSED = {"payment_order_id": "{{checkout_id}}.ann"}
_OF_THE_OTHER = ("replacePayment", "cancelPayment")
# What stands in the examples' bodies, and what stands for it here.
_IN_BODIES = {
    _CART: "{{checkout_id}}",
    examples.ENDPOINT["url"]: "{{webhook_url}}",
    examples.KNOWN_ENDPOINT["id"]: "{{endpoint_id}}",
    examples.KEPT_FILE["id"]: "{{file_id}}",
    examples.AT: "{{$isoTimestamp}}",
}
_QUERIES = {"currency": "EUR", "from": "2026-01-01", "until": "2026-12-31"}
# Whose answer tells an id of ours, and where it stands there.
_TELLS = {
    "createRefund": ("refund_id", "id"),
    "createEndpoint": ("endpoint_id", "id"),
    "submitEvidenceFile": ("file_id", "id"),
    "listDisputes": ("dispute_id", "data?.[0]?.id"),
    "listEvents": ("event_id", "data?.[0]?.id"),
}


def collection(document: Json) -> Json:
    """Return the collection. Nothing in it is random; the ids of what it made are variables."""
    folders: dict[str, list[Json]] = {name: [] for name in _FOLDERS}
    found = [
        (method, path, item[method])
        for path, item in document["paths"].items()
        for method in _METHODS
        if method in item
    ]
    for method, path, operation in sorted(found, key=lambda each: each[2]["operationId"] in _LAST):
        folders.setdefault(operation["tags"][0], []).extend(_requests(method, path, operation))
    return {
        "info": {
            "name": f"{document['info']['title']} API",
            "description": document["info"]["description"],
            "schema": _SCHEMA,
        },
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{api_key}}", "type": "string"}]},
        "variable": [{"key": key, "value": value} for key, value in VARIABLES.items()],
        "item": [{"name": name, "item": requests} for name, requests in folders.items()],
    }


def _requests(method: str, path: str, operation: Json) -> list[Json]:
    made = [_request(method, path, operation)]
    if operation["operationId"] in _MORE:
        name, body = _MORE[operation["operationId"]]
        request = {**made[0]["request"], "body": _body(body)}
        made.append({"name": f"{operation['summary']}: {name}", "request": request, "response": []})
    return made


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
        request["body"] = _body(body)
    answers = [
        _saved(request, status, example["value"], media)
        for status, answer in sorted(operation["responses"].items())
        if status < "400"
        for media, content in answer.get("content", {}).items()
        for example in content.get("examples", {}).values()
    ]
    return {"name": operation["summary"], **_told(operation), "request": request, "response": answers}


def _told(operation: Json) -> Json:
    if operation["operationId"] not in _TELLS:
        return {}
    variable, place = _TELLS[operation["operationId"]]
    script = [f"const told = pm.response.json().{place};", f'if (told) pm.collectionVariables.set("{variable}", told);']
    return {"event": [{"listen": "test", "script": {"type": "text/javascript", "exec": script}}]}


def _body(example: Any) -> Json:
    text = _text(example)
    for literal, variable in _IN_BODIES.items():
        text = text.replace(literal, variable)
    return {"mode": "raw", "raw": text, "options": {"raw": {"language": "json"}}}


def _header(parameter: Json) -> Json:
    # Postman's own word for another value at each sending.
    value = "{{$guid}}" if parameter["name"] == "Idempotency-Key" else ""
    return {"key": parameter["name"], "value": value, "description": parameter.get("description", "")}


def _url(path: str, operation: Json) -> Json:
    parts = [_PARAMETER.sub(r":\1", part) for part in path.strip("/").split("/")]
    query = [
        {
            "key": one["name"],
            "value": _QUERIES.get(one["name"], "") if one.get("required") else "",
            "description": one.get("description", ""),
            "disabled": not one.get("required", False),
        }
        for one in operation.get("parameters", [])
        if one["in"] == "query"
    ]
    other = "-off" if operation["operationId"] in _OF_THE_OTHER else ""
    addressed = {name: _ADDRESSED.get(name, "{{" + name + "}}") + other for name in _PARAMETER.findall(path)}
    variables = [{"key": name, "value": value} for name, value in addressed.items()]
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
