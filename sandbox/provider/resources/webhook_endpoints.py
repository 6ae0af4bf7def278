"""Events, and the endpoints that hear of them."""

import secrets
from typing import Any

from sandbox.provider.errors import InvalidRequest
from sandbox.provider.ids import new_id
from sandbox.provider.routes import Route
from sandbox.provider.scope import API_VERSION, Scope, merge_metadata, page_of
from sandbox.provider.validation import EXPAND, PAGE, Required, Schema, array, boolean, metadata, text

Json = dict[str, Any]
_URL = "/v1/webhook_endpoints"

_CREATE: Schema = {
    **EXPAND,
    "api_version": text(),
    "connect": boolean(),
    "description": text(empty=True),
    "enabled_events": Required(array(text(), max_items=400)),
    "metadata": metadata(),
    "url": Required(text()),
}
_UPDATE: Schema = {
    **EXPAND,
    "description": text(empty=True),
    "disabled": boolean(),
    "enabled_events": array(text(), max_items=400),
    "metadata": metadata(),
    "url": text(),
}


def build(*, url: str, events: list[str], hears: str, now: int, secret: str | None = None) -> Json:
    """Build an endpoint; `hears` is `platform`, `connect` or `all`."""
    return {
        "id": new_id("we"),
        "object": "webhook_endpoint",
        "api_version": API_VERSION,
        "application": None,
        "created": now,
        "description": None,
        "enabled_events": events,
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        "url": url,
        "_hears": hears,
        "_secret": secret or f"whsec_{secrets.token_urlsafe(24)}",
    }


def create(scope: Scope, params: Json) -> Json:
    """Register an endpoint; only this answer carries its secret."""
    _check_url(params["url"])
    endpoint = build(
        url=params["url"],
        events=params["enabled_events"],
        hears="connect" if params.get("connect") else "platform",
        now=scope.now,
    )
    endpoint.update(description=params.get("description") or None, metadata=params.get("metadata", {}))
    scope.add(endpoint)
    return {**endpoint, "secret": endpoint["_secret"]}


def _check_url(url: str) -> None:
    if not url.startswith(("http://", "https://")):
        raise InvalidRequest("Not a valid URL", code="url_invalid", param="url")


def retrieve(scope: Scope, params: Json, *, id: str) -> Json:
    """Return an endpoint."""
    return scope.find("webhook_endpoint", id, param="webhook_endpoint")


def update(scope: Scope, params: Json, *, id: str) -> Json:
    """Change an endpoint."""
    endpoint = scope.find("webhook_endpoint", id, param="webhook_endpoint")
    if "url" in params:
        _check_url(params["url"])
    for name in ("description", "enabled_events", "url"):
        endpoint[name] = params.get(name, endpoint[name])
    if "disabled" in params:
        endpoint["status"] = "disabled" if params["disabled"] else "enabled"
    endpoint["metadata"] = merge_metadata(endpoint["metadata"], params.get("metadata"))
    return scope.store.save(endpoint)


def delete(scope: Scope, params: Json, *, id: str) -> Json:
    """Remove an endpoint and what was to be delivered to it."""
    scope.find("webhook_endpoint", id, param="webhook_endpoint")
    scope.store.delete(id)
    scope.store.execute("DELETE FROM deliveries WHERE endpoint = ? AND state IN ('due', 'held')", (id,))
    return {"id": id, "object": "webhook_endpoint", "deleted": True}


def index(scope: Scope, params: Json) -> Json:
    """List endpoints."""
    return page_of(scope, "webhook_endpoint", _URL, params, {})


def retrieve_event(scope: Scope, params: Json, *, id: str) -> Json:
    """Return an event."""
    return scope.find("event", id, param="id")


def list_events(scope: Scope, params: Json) -> Json:
    """List events, newest first; `type` may end in `*`."""
    return page_of(scope, "event", "/v1/events", params, {"type": params.get("types") or params.get("type")})


ROUTES = [
    Route("POST", _URL, "webhook_endpoint.create", create, _CREATE),
    Route("GET", _URL, "webhook_endpoint.list", index, PAGE),
    Route("GET", f"{_URL}/<id>", "webhook_endpoint.retrieve", retrieve, EXPAND),
    Route("POST", f"{_URL}/<id>", "webhook_endpoint.update", update, _UPDATE),
    Route("DELETE", f"{_URL}/<id>", "webhook_endpoint.delete", delete, {}),
    Route(
        "GET",
        "/v1/events",
        "event.list",
        list_events,
        {**PAGE, "type": text(), "types": array(text(), max_items=20)},
    ),
    Route("GET", "/v1/events/<id>", "event.retrieve", retrieve_event, EXPAND),
]
