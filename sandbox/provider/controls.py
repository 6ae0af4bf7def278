"""The control surface: JSON commands by which tests and demonstrations play fate; no part of the real API."""

import json
from collections.abc import Callable
from typing import Any

from sandbox.provider import disputes, oracle, payments, payouts, settlement, webhooks
from sandbox.provider.api import Api
from sandbox.provider.errors import ApiError, InvalidRequest, NotFound
from sandbox.provider.faults import BadPlan
from sandbox.provider.resources import accounts, refunds, reporting
from sandbox.provider.scope import Scope, World
from sandbox.provider.server import Reply, Request
from sandbox.provider.wire import render

Json = dict[str, Any]
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class BadCommand(Exception):
    """Refuse a control command; the message says what to send instead."""


class Controls:
    """Everything whose path begins with `/_`."""

    def __init__(self, world: World, api: Api, *, advance: Callable[[int], None], wake: Callable[[], None]) -> None:
        self._world = world
        self._api = api
        self._advance = advance
        self._wake = wake
        self._exact: dict[tuple[str, str], Callable[[Json], Any]] = {
            ("GET", "/_health"): self._health,
            ("POST", "/_reset"): self._reset,
            ("GET", "/_plan"): lambda body: world.faults.describe(),
            ("POST", "/_plan"): self._plan,
            ("GET", "/_clock"): self._clock,
            ("POST", "/_clock"): self._set_clock,
            ("GET", "/_ledger"): lambda body: oracle.ledger(self._scope()),
            ("GET", "/_calls"): lambda body: {"calls": list(api.calls)},
            ("GET", "/_webhooks"): self._webhooks,
            ("POST", "/_webhooks"): self._set_webhooks,
            ("POST", "/_webhooks/take"): lambda body: {"deliveries": webhooks.take(world.store)},
            ("POST", "/_webhooks/redeliver"): self._redeliver,
            ("POST", "/_webhooks/hold"): lambda body: {"held": webhooks.hold_again(world.store)},
            ("POST", "/_payouts/sweep"): self._sweep,
            ("POST", "/_settlement"): self._settle_in,
            ("POST", "/_reports"): self._set_reports,
            ("POST", "/_disputes"): self._open_dispute,
        }
        self._by_object: dict[str, Callable[[Scope, Json, Json], Json]] = {
            "_async": _decide_async,
            "_disputes": _decide_dispute,
            "_payouts": _decide_payout,
            "_refunds": _decide_refund,
            "_reviews": _decide_review,
            "_sessions": _reopen_session,
            "_accounts": _decide_account,
        }

    def answer(self, request: Request) -> Reply:
        """Answer one command."""
        host = request.headers.get("host", "localhost").rsplit(":", 1)[0]
        if host not in _LOOPBACK:
            return _reply(403, {"error": "Use the control surface over the loopback address."})
        try:
            body = json.loads(request.body) if request.body else {}
            if not isinstance(body, (dict, list)):
                raise BadCommand("Send a JSON object.")
            return _reply(200, self._run(request, body if isinstance(body, dict) else {"rules": body}))
        except (BadCommand, BadPlan) as problem:
            return _reply(400, {"error": str(problem)})
        except json.JSONDecodeError as problem:
            return _reply(400, {"error": f"Send valid JSON: {problem}."})
        except ApiError as problem:
            return _reply(problem.status, {"error": problem.message})

    def _run(self, request: Request, body: Json) -> Any:
        command = self._exact.get((request.method, request.path))
        if request.path == "/_clock" and request.method == "POST":
            # moving time runs transactions of its own
            return self._set_clock(body)
        with self._world.store.transaction():
            result = command(body) if command is not None else self._decide(request, body)
        self._wake()
        return result

    def _scope(self, account: str = "") -> Scope:
        return Scope(world=self._world, now=self._world.clock.now(), account=account)

    def _decide(self, request: Request, body: Json) -> Json:
        group, _, object_id = request.path.strip("/").partition("/")
        decide = self._by_object.get(group)
        if decide is None or request.method != "POST" or not object_id:
            raise NotFound.address(request.method, request.path)
        found = self._world.store.get(object_id)
        if found is None:
            raise NotFound(f"Name an object that exists: there is no {object_id}.")
        account = self._world.store.account_of(object_id) or ""
        scope = self._scope(account)
        answer: Json = render(scope, decide(scope, found, body))
        return answer

    def _health(self, body: Json) -> Json:
        return {"status": "ok", "now": self._world.clock.now()}

    def _reset(self, body: Json) -> Json:
        """Forget everything but the webhook endpoints given at start."""
        store = self._world.store
        kept = [endpoint for endpoint in store.select("webhook_endpoint") if endpoint.get("_from_start")]
        store.reset()
        store.set_meta("webhook_mode", "auto")
        store.set_meta("reports", "")
        self._world.clock.reset()
        self._world.timers.forget()
        self._world.faults.replace({})
        self._api.calls.clear()
        for endpoint in kept:
            store.insert(endpoint, account="")
        accounts.ensure_platform(self._scope())
        return {"status": "ok"}

    def _plan(self, body: Json) -> Json:
        self._world.faults.replace(body)
        return self._world.faults.describe()

    def _clock(self, body: Json) -> Json:
        return {"now": self._world.clock.now(), "frozen": self._world.clock.frozen}

    def _set_clock(self, body: Json) -> Json:
        unknown = set(body) - {"advance_s", "set", "frozen"}
        if unknown or any(not isinstance(value, int) for value in body.values()):
            raise BadCommand('Send {"advance_s": seconds}, {"set": timestamp} or {"frozen": true}.')
        clock, store = self._world.clock, self._world.store
        if "frozen" in body:
            with store.transaction():
                clock.freeze(bool(body["frozen"]))
        target = body.get("set", clock.now() + body.get("advance_s", 0))
        if target < clock.now() and (store_in_use := self._in_use()):
            raise BadCommand(f"Reset the provider before moving its clock back: it holds {store_in_use} objects.")
        if "set" in body or "advance_s" in body:
            self._advance(target)
        return self._clock({})

    def _in_use(self) -> int:
        with self._world.store.transaction():
            row = self._world.store.execute(
                "SELECT count(*) FROM objects WHERE kind NOT IN ('account', 'bank_account', 'webhook_endpoint')"
            ).fetchone()
        return int(row[0])

    def _webhooks(self, body: Json) -> Json:
        states = ("held", "due", "dropped", "failed")
        mode = self._world.store.meta("webhook_mode") or "auto"
        return {"mode": mode, "deliveries": webhooks.describe(self._world.store, states=states)}

    def _set_webhooks(self, body: Json) -> Json:
        if set(body) != {"mode"} or body["mode"] not in ("auto", "manual"):
            raise BadCommand('Send {"mode": "auto"} or {"mode": "manual"}.')
        self._world.store.set_meta("webhook_mode", body["mode"])
        return body

    def _redeliver(self, body: Json) -> Json:
        count = webhooks.redeliver(self._world.store, event=body.get("event"), now_ms=self._world.clock.now_ms())
        return {"queued": count}

    def _sweep(self, body: Json) -> Json:
        scope = self._scope(body.get("account") or "")
        if "currency" not in body:
            raise BadCommand('Send {"currency": "usd"} and, for a connected account, {"account": "acct_…"}.')
        payout = payouts.sweep(scope, body["currency"])
        return {"payout": render(scope, payout)}

    def _settle_in(self, body: Json) -> Json:
        if "currency" not in body or set(body) - {"currency", "rates", "account"}:
            raise BadCommand('Send {"currency": "eur", "rates": {"usd": "0.9234"}}, or {"currency": null} to end it.')
        scope = self._scope(body.get("account") or "")
        answer: Json = render(scope, settlement.choose(scope, body["currency"], body.get("rates") or {}))
        return answer

    def _set_reports(self, body: Json) -> Json:
        if set(body) != {"start", "lag_s"} or not all(type(value) is int and value >= 0 for value in body.values()):
            raise BadCommand('Send {"start": 1546300800, "lag_s": 86400}: reports begin there, and end so long ago.')
        reporting.set_span(self._scope(), **body)
        return body

    def _open_dispute(self, body: Json) -> Json:
        scope = self._scope()
        charge = scope.find("charge", str(body.get("charge")))
        dispute = disputes.open_(
            scope,
            charge,
            reason=body.get("reason", "fraudulent"),
            amount=body.get("amount"),
            inquiry=body.get("inquiry", False),
        )
        answer: Json = render(scope, dispute)
        return answer


def _reply(status: int, body: Any) -> Reply:
    return Reply(status, json.dumps(body).encode())


def _word(body: Json, name: str, *allowed: str) -> str:
    if body.get(name) not in allowed:
        listed = " or ".join(f'"{word}"' for word in allowed)
        raise BadCommand(f'Send {{"{name}": {listed}}}.')
    return str(body[name])


def _decide_async(scope: Scope, intent: Json, body: Json) -> Json:
    paid = _word(body, "outcome", "succeeded", "failed") == "succeeded"
    if intent["status"] != "processing":
        raise InvalidRequest(f"{intent['id']} is not waiting for money: its status is {intent['status']}.")
    payments.fired_async_money(scope, intent["id"], {"paid": paid})
    return scope.find("payment_intent", intent["id"])


def _decide_dispute(scope: Scope, dispute: Json, body: Json) -> Json:
    outcome = _word(body, "outcome", "won", "lost", "reopened", "recovered", "fee_charged", "fee_returned")
    match outcome:
        case "reopened":
            return disputes.reopen(scope, dispute)
        case "recovered":
            return disputes.recover(scope, dispute, amount=body.get("amount"))
        case "fee_charged":
            return disputes.charge_fee(scope, dispute)
        case "fee_returned":
            return disputes.return_fee(scope, dispute)
        case _:
            return disputes.decide(scope, dispute, won=outcome == "won")


def _decide_payout(scope: Scope, payout: Json, body: Json) -> Json:
    status = _word(body, "status", "in_transit", "paid", "failed")
    args = {"step": status, "reason": body.get("code", "could_not_process")}
    payouts.fired_step(scope, payout["id"], args)
    return scope.find("payout", payout["id"])


def _decide_refund(scope: Scope, refund: Json, body: Json) -> Json:
    failed = _word(body, "status", "succeeded", "failed") == "failed"
    reason = body.get("reason", "expired_or_canceled_card") if failed else None
    scope.timers.cancel("refund_ends", refund["id"])
    refunds.fired_end(scope, refund["id"], {"failure": reason})
    return scope.find("refund", refund["id"])


def _decide_review(scope: Scope, review: Json, body: Json) -> Json:
    action = _word(body, "action", "approve", "refund_as_fraud")
    charge = scope.find("charge", review["charge"])
    if action == "refund_as_fraud":
        payments.close_review(scope, charge, reason="refunded_as_fraud")
        refunds.create(scope, {"charge": charge["id"], "reason": "fraudulent"})
    else:
        payments.close_review(scope, charge, reason="approved")
    return scope.find("review", review["id"])


def _reopen_session(scope: Scope, session: Json, body: Json) -> Json:
    """Let a closed page be paid all the same, as by a buyer whose payment was on its way when it was closed."""
    _word(body, "status", "open")
    if session.get("object") != "checkout.session" or session["status"] != "expired":
        raise BadCommand("Name a checkout session that has expired.")
    session.update(status="open", payment_intent=None)
    return scope.store.save(session)


def _decide_account(scope: Scope, account: Json, body: Json) -> Json:
    allowed = {"charges_enabled", "payouts_enabled", "details_submitted", "capabilities", "requirements"}
    if not body or set(body) - allowed:
        raise BadCommand(f"Send some of: {', '.join(sorted(allowed))}.")
    return accounts.set_state(scope, account, body)
