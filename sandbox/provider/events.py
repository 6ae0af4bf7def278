"""Record events, and queue their deliveries in the same transaction as what happened."""

import json
from collections.abc import Mapping
from typing import Any

from sandbox.provider.ids import new_id
from sandbox.provider.scope import API_VERSION, Scope
from sandbox.provider.wire import render

Json = dict[str, Any]


def emit(scope: Scope, event_type: str, subject: Json, *, previous: Mapping[str, Any] | None = None) -> Json:
    """Record that something happened to an object; return the event.

    `previous` holds the old values of what changed, for events of the kind `….updated`.
    """
    data: Json = {"object": render(scope, subject)}
    if previous is not None:
        data["previous_attributes"] = dict(previous)
    event: Json = {
        "id": new_id("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": scope.now,
        "data": data,
        "livemode": False,
        "pending_webhooks": 0,
        "request": {"id": scope.request_id, "idempotency_key": scope.idempotency_key},
        "type": event_type,
    }
    if scope.account:
        event["account"] = scope.account
    endpoints = _listening(scope, event_type)
    event["pending_webhooks"] = len(endpoints)
    scope.add(event)
    rules = scope.world.faults.webhook(event_type, {"event": event_type, "object": data["object"]}) if endpoints else []
    copies = [event]
    if any(rule.action == "webhook_new_event_id" for rule in rules):
        copies.append(scope.add({**event, "id": new_id("evt")}))
    for endpoint in endpoints:
        for number, copy in enumerate(copies):
            _queue(scope, endpoint["id"], copy, rules if number == 0 else [])
    if endpoints:
        scope.emitted.append(event["id"])
    return event


def _listening(scope: Scope, event_type: str) -> list[Json]:
    endpoints = scope.store.select("webhook_endpoint", ascending=True)
    return [
        endpoint
        for endpoint in endpoints
        if endpoint["status"] == "enabled"
        and ("*" in endpoint["enabled_events"] or event_type in endpoint["enabled_events"])
        and endpoint["_hears"] in ("all", "connect" if scope.account else "platform")
    ]


def _queue(scope: Scope, endpoint_id: str, event: Json, rules: list[Any]) -> None:
    state, behind, copies = "due", 0, 1
    next_at_ms = scope.world.clock.now_ms()
    for rule in rules:
        if rule.action == "webhook_drop":
            state = "dropped"
        elif rule.action == "webhook_delay":
            next_at_ms += int(rule.args.get("s", 1) * 1000)
        elif rule.action == "webhook_duplicate":
            copies += int(rule.args.get("copies", 1))
        elif rule.action == "webhook_reorder":
            # waits for its successor, but not for ever
            behind, next_at_ms = 1, next_at_ms + int(rule.args.get("window_s", 5) * 1000)
    if state == "due" and scope.store.meta("webhook_mode") == "manual":
        state = "held"
    for _ in range(copies):
        scope.store.execute(
            "INSERT INTO deliveries (event, type, endpoint, body, state, next_at_ms, behind) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (event["id"], event["type"], endpoint_id, json.dumps(event), state, next_at_ms, behind),
        )
