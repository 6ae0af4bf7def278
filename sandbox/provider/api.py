"""Carry out API requests: authenticate, validate, disturb as planned, execute once, answer."""

import json
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map
from werkzeug.routing import Rule as UrlRule

from sandbox.provider import forms
from sandbox.provider.errors import ApiError, ConnectionCut, Injected, InvalidRequest, NotFound, Unauthorized, Undone
from sandbox.provider.faults import Rule
from sandbox.provider.idempotency import Answer, Keys, fingerprint
from sandbox.provider.ids import new_id
from sandbox.provider.resources import (
    accounts,
    charges,
    checkout_sessions,
    customers,
    disputes,
    files,
    payment_intents,
    payouts,
    refunds,
    reporting,
    transfers,
    webhook_endpoints,
)
from sandbox.provider.routes import Route, TimerHandler
from sandbox.provider.scope import API_VERSION, Scope, World
from sandbox.provider.server import Reply, Request
from sandbox.provider.validation import validate
from sandbox.provider.wire import expand, render

log = logging.getLogger("sandbox.provider")
Json = dict[str, Any]

ROUTES: list[Route] = [
    *accounts.ROUTES,
    *charges.ROUTES,
    *checkout_sessions.ROUTES,
    *customers.ROUTES,
    *disputes.ROUTES,
    *files.ROUTES,
    *payment_intents.ROUTES,
    *payouts.ROUTES,
    *refunds.ROUTES,
    *reporting.ROUTES,
    *transfers.ROUTES,
    *webhook_endpoints.ROUTES,
]
TIMERS: dict[str, TimerHandler] = {
    **checkout_sessions.TIMERS,
    **disputes.TIMERS,
    **payment_intents.TIMERS,
    **payouts.TIMERS,
    **refunds.TIMERS,
    **reporting.TIMERS,
}
_BEFORE = {"error_429": 429, "error_409": 409, "error_503": 503}
_AMOUNTS = (
    "amount",
    "amount_total",
    "amount_subtotal",
    "amount_received",
    "amount_captured",
    "amount_capturable",
)
_HTML = b"<!doctype html><title>Just a moment...</title><h1>Checking your browser before accessing the site</h1>"
_LOGGED_CALLS = 20_000


@dataclass(frozen=True)
class Called:
    """A request that was understood: its route, typed parameters and who asks."""

    request: Request
    request_id: str
    route: Route
    path: dict[str, str]
    params: Json
    account: str
    key: str | None


class Api:
    """Everything under `/v1`."""

    def __init__(self, world: World, keys: Keys, *, wake: Callable[[], None], fire: Callable[[], None]) -> None:
        """Take what to call after a commit: `wake` when events were queued, `fire` to look for due timers."""
        self._world = world
        self._keys = keys
        self._by_name = {f"{route.method} {route.path}": route for route in ROUTES}
        rules = [UrlRule(route.path, endpoint=name, methods=[route.method]) for name, route in self._by_name.items()]
        self._urls = Map(rules, strict_slashes=False).bind("localhost")
        self._wake = wake
        self._fire = fire
        self.calls: deque[Json] = deque(maxlen=_LOGGED_CALLS)

    def answer(self, request: Request) -> Reply:
        """Answer one request.

        Raises ConnectionCut when the fault plan says so.
        """
        request_id = new_id("req")
        entry: Json = {
            "at": time.time_ns() // 1_000_000,
            "method": request.method,
            "path": request.path,
            "idempotency_key": request.headers.get("idempotency-key"),
            "request_id": request_id,
            "status": None,
            "replayed": False,
        }
        self.calls.append(entry)
        headers = {"Request-Id": request_id, "Stripe-Version": API_VERSION}
        try:
            if request.path.startswith("/v1/files/") and request.path.endswith("/contents"):
                reply = Reply(200, *self._file(request), headers)
            else:
                called = self._understand(request, request_id)
                reply = self._carry_out(called, headers)
        except ApiError as error:
            body = json.dumps(error.body(), indent=2).encode()
            reply = Reply(error.status, body, headers={**headers, **error.headers})
        entry["status"] = reply.status
        entry["replayed"] = "Idempotent-Replayed" in reply.headers
        return reply

    def _file(self, request: Request) -> tuple[bytes, str]:
        account = self._authenticate(request)
        with self._world.store.transaction():
            scope = Scope(world=self._world, now=self._world.clock.now(), account=account)
            return files.content_of(scope, request.path.split("/")[3])

    def _authenticate(self, request: Request) -> str:
        """Return the account that the request speaks for; an empty string for the platform."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.startswith(("sk_test_", "rk_test_")):
            shown = f": {key[:8]}***" if key else ""
            raise Unauthorized(f"Invalid API Key provided{shown}. Send an Authorization header 'Bearer sk_test_…'.")
        version = request.headers.get("stripe-version", API_VERSION)
        if version != API_VERSION:
            raise InvalidRequest(f"Invalid Stripe API version: {version}. This provider speaks {API_VERSION} only.")
        account = request.headers.get("stripe-account", "")
        if account:
            with self._world.store.transaction():
                found = self._world.store.get(account)
            if found is None or found["object"] != "account":
                error = InvalidRequest(
                    f"The provided key does not have access to account '{account}' (or that account does not exist).",
                    code="account_invalid",
                )
                error.status = 403
                raise error
        return account

    def _understand(self, request: Request, request_id: str) -> Called:
        account = self._authenticate(request)
        try:
            name, path = self._urls.match(request.path, method=request.method)
        except HTTPException:
            raise NotFound.address(request.method, request.path) from None
        route = self._by_name[name]
        params = validate(route.schema, _form(request))
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        return Called(request, request_id, route, dict(path), params, account, key)

    def _carry_out(self, called: Called, headers: dict[str, str]) -> Reply:
        if called.key is None:
            return self._disturbed(called, headers, kept=None)
        print_ = fingerprint(called.request.method, called.request.path, called.params)
        headers["Idempotency-Key"] = called.key
        kept = self._keys.reserve(called.account, called.key, print_, now=self._world.clock.now())
        if kept is not None:
            headers["Idempotent-Replayed"] = "true"
            return self._disturbed(called, headers, kept=kept)
        try:
            return self._disturbed(called, headers, kept=None, print_=print_)
        finally:
            self._keys.release(called.account, called.key)

    def _disturbed(
        self, called: Called, headers: dict[str, str], *, kept: Answer | None, print_: str | None = None
    ) -> Reply:
        rules = self._world.faults.call(called.route.op, {**called.params, **called.path})
        for rule in rules:
            _before(rule)
        failing = next((rule for rule in rules if rule.action == "error_5xx"), None)
        answer = kept or self._execute(called, print_, failing)
        reply = Reply(answer.status, answer.body.encode(), headers=headers)
        for rule in rules:
            reply = _after(rule, reply)
        return reply

    def _execute(self, called: Called, print_: str | None, failing: Rule | None) -> Answer:
        world = self._world
        when = failing.args.get("when", "after") if failing else None
        with world.store.transaction():
            scope = Scope(
                world=world,
                now=world.clock.now(),
                account=called.account,
                base_url=called.request.base_url,
                request_id=called.request_id,
                idempotency_key=called.key,
                op=called.route.op,
                params=called.params,
            )
            try:
                answer = self._work(scope, called, undo=when == "during")
            except ApiError as error:
                if not error.executed:
                    raise
                answer = Answer(error.status, json.dumps(error.body(), indent=2))
            if failing is not None:
                status = int(failing.args.get("status", 500))
                problem = Injected("An unknown error occurred", status=status)
                answer = Answer(status, json.dumps(problem.body(), indent=2))
            if called.key is not None and print_ is not None:
                self._keys.keep(called.account, called.key, print_, answer, now=scope.now)
        if scope.emitted:
            self._wake()
        self._fire()
        return answer

    def _work(self, scope: Scope, called: Called, *, undo: bool) -> Answer:
        """Run the endpoint; what it did is undone when it raises, unless the error says that it stays."""
        failure: ApiError | None = None
        body: Json = {}
        with scope.store.savepoint():
            try:
                body = called.route.answer(scope, called.params, **called.path)
            except ApiError as error:
                if not error.keep:
                    raise
                failure = error
            if undo:
                raise Undone("An unknown error occurred", status=500)
            if failure is None:
                body = expand(scope, render(scope, body), called.params.get("expand", []))
        if failure is not None:
            raise failure
        return Answer(200, json.dumps(body))


def _form(request: Request) -> Json:
    """Return a request's parameters, from its address or its body."""
    content_type = request.headers.get("content-type", "")
    if request.method == "POST" and content_type.startswith("multipart/form-data"):
        return forms.decode_multipart(request.body, content_type)
    text = request.query if request.method in ("GET", "DELETE") else request.body.decode("utf-8", "replace")
    return forms.decode(text)


def _before(rule: Rule) -> None:
    """Disturb a request before anything is processed."""
    args = rule.args
    if rule.action == "drop":
        raise ConnectionCut(args.get("hang_s", 0))
    if rule.action == "delay":
        time.sleep(args.get("s", 1))
    retry = {"Retry-After": str(args["retry_after_s"])} if "retry_after_s" in args else {}
    if rule.action in _BEFORE:
        messages = {
            429: "Too many requests hit the API too quickly.",
            409: "There is currently another in-progress request using this idempotent key.",
        }
        codes = {429: "rate_limit", 409: "idempotency_key_in_use"}
        status = _BEFORE[rule.action]
        message = messages.get(status, "The service is temporarily unavailable.")
        raise Injected(message, status=status, headers=retry or {"Retry-After": "1"}, code=codes.get(status))
    if rule.action == "error_5xx" and args.get("when", "after") == "before":
        raise Injected("An unknown error occurred", status=int(args.get("status", 500)), headers=retry)


def _after(rule: Rule, reply: Reply) -> Reply:
    """Disturb the answer to a request that was processed."""
    if rule.action == "timeout_after_commit":
        raise ConnectionCut(rule.args.get("hang_s", 0))
    if rule.action == "garbage":
        return Reply(200, b"\x00\xff{{garbage" * 8, headers=reply.headers)
    if rule.action == "html":
        return Reply(200, _HTML, "text/html; charset=utf-8", reply.headers)
    if rule.action == "truncated":
        return Reply(reply.status, reply.body, headers=reply.headers, send_bytes=len(reply.body) // 2)
    if rule.action == "empty_list" and reply.status == 200:
        body = json.loads(reply.body) | {"data": [], "has_more": False}
        return Reply(200, json.dumps(body).encode(), headers=reply.headers)
    if rule.action == "wrong_amount" and reply.status == 200:
        body = json.loads(reply.body)
        for name in _AMOUNTS:
            if isinstance(body.get(name), int):
                body[name] += int(rule.args.get("delta_minor", 1))
        return Reply(200, json.dumps(body).encode(), headers=reply.headers)
    if rule.action == "fee_later" and reply.status == 200:
        body = _without_balance(json.loads(reply.body))
        return Reply(200, json.dumps(body).encode(), headers=reply.headers)
    return reply


def _without_balance(body: Any) -> Any:
    """Return an answer in which no charge or refund has its balance transaction yet."""
    if isinstance(body, list):
        return [_without_balance(item) for item in body]
    if not isinstance(body, dict):
        return body
    shown = {name: _without_balance(value) for name, value in body.items()}
    return {**shown, "balance_transaction": None} if shown.get("object") in ("charge", "refund") else shown
