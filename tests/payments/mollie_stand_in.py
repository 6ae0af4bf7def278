"""A small Mollie: an HTTP server that speaks the Payments API's wire format, keeps what it is told, and can be ill.

It remembers idempotency keys as Mollie does, for an hour of its own clock. A fault strikes one call of an operation
("POST payments"), before it is carried out or after.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]
KEY_LIFE = timedelta(hours=1)
FAULTS = ("500 before", "500 after", "cut before", "cut after", "garbage", "html", "429", "503", "409")
# How many decimals an amount must have (docs.mollie.com/docs/multicurrency). The lev is none any more.
_TWO = "AED AUD BRL CAD CHF CZK DKK EUR GBP HKD HUF ILS MXN MYR NOK NZD PHP PLN RON RUB SEK SGD THB TWD USD ZAR"
DECIMALS = {**dict.fromkeys(_TWO.split(), 2), "ISK": 0, "JPY": 0}
# The methods that can reserve first.
RESERVING = ("creditcard", "klarna", "billie", "riverty", "vipps", "mobilepay")
# What was done all the same.
DONE = ("500 after", "cut after", "garbage", "html")


class Refusal(Exception):
    """An error as Mollie tells it."""

    def __init__(self, status: int, title: str, detail: str, field_name: str = "") -> None:
        super().__init__(detail)
        self.status = status
        self.body = {"status": status, "title": title, "detail": detail} | ({"field": field_name} if field_name else {})


@dataclass(kw_only=True)
class Call:
    """One request that arrived."""

    op: str
    path: str
    key: str
    body: Json


@dataclass(kw_only=True)
class Mollie:
    """What Mollie knows, and what its owner in a test may do to it."""

    base_url: str = ""
    told: int = 0
    made: int = 0
    ahead: timedelta = timedelta(0)
    # What a capture is at first; a pending one is ended later. And whether a release is done a little later.
    capturing: str = "succeeded"
    releasing_later: bool = False
    # Whether a page that is open can be closed, which depends on the method.
    closable: bool = True
    payments: dict[str, Json] = field(default_factory=dict)
    captures: dict[str, list[Json]] = field(default_factory=dict)
    refunds: dict[str, list[Json]] = field(default_factory=dict)
    chargebacks: dict[str, list[Json]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    faults: list[tuple[str, str]] = field(default_factory=list)
    keys: dict[str, tuple[datetime, tuple[str, Json], tuple[int, Json]]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def plan(self, op: str, fault: str, *, times: int = 1) -> None:
        """Have the next calls of an operation go wrong."""
        self.faults += [(op, fault)] * times

    def posts(self, path: str = "payments") -> list[Call]:
        """Return what was POSTed to a path."""
        return [call for call in self.calls if (call.op, call.path) == (f"POST {path.rpartition('/')[2]}", path)]

    def only(self) -> Json:
        """Return the one payment that there is."""
        [payment] = self.payments.values()
        return payment

    def forget(self) -> dict[str, Json]:
        """Show nothing of what was made so far, as where a list lags behind, and return it."""
        hidden, self.payments, self.keys = self.payments, {}, {}
        return hidden

    def pay(self, payment: str, *, method: str = "creditcard") -> None:
        """Let the buyer pay on the page, which offers all methods: one that cannot reserve takes the money at once."""
        found = self.payments[payment]
        manual = found.get("captureMode") == "manual" and method in RESERVING
        found |= {"status": "authorized" if manual else "paid", "isCancelable": False, "method": method}
        found |= {"authorizedAt": self.now()} if manual else {"paidAt": self.now()}
        if manual:
            found["captureBefore"] = self.now(later=timedelta(days=7))
            found["amountCaptured"] = {**found["amount"], "value": "0.00"}
        found["_links"].pop("checkout")

    def end(self, payment: str, status: str, **more: Any) -> None:
        """End a payment that is not paid: expired, failed, canceled; one that was authorized too."""
        self.payments[payment] |= {"status": status, **more}
        self.payments[payment].pop("isCancelable", None)
        self.payments[payment]["_links"].pop("checkout", None)

    def end_captures(self, status: str) -> None:
        """Carry out the captures that are pending, or fail to."""
        for payment, captures in self.captures.items():
            for found in captures:
                if found["status"] == "pending":
                    found["status"] = status
                    self._take(self.payments[payment])

    def release(self, payment: str) -> None:
        """Release what is reserved and not captured."""
        found = self.payments[payment]
        taken = Decimal(found["amountCaptured"]["value"])
        found |= {"status": "paid", "paidAt": self.now()} if taken else {"status": "canceled"}

    def end_refund(self, refund: str, status: str) -> None:
        """Carry a refund out, or fail to."""
        for refunds in self.refunds.values():
            for found in refunds:
                if found["id"] == refund:
                    found["status"] = status

    def cancel_refund(self, refund: str) -> None:
        """Cancel a refund in the dashboard before it is carried out: Mollie shows it no more."""
        for refunds in self.refunds.values():
            refunds[:] = [found for found in refunds if found["id"] != refund]

    def refund_in_dashboard(self, payment: str, amount: str, *, status: str = "refunded") -> Json:
        """Refund a payment as a person in the dashboard can: without any reference of ours."""
        body = {"amount": {**self.payments[payment]["amount"], "value": amount}, "description": "goodwill"}
        made = self._refund(self.payments[payment], body)
        made["status"] = status
        return made

    def charge_back(self, payment: str) -> Json:
        """Have the buyer's bank take the money back."""
        made = {
            "resource": "chargeback",
            "id": f"chb_{len(self.chargebacks) + 1}",
            "amount": dict(self.payments[payment]["amount"]),
            "reason": {"code": "AC01", "description": "account identifier incorrect"},
            "createdAt": self.now(),
            "reversedAt": None,
            "paymentId": payment,
        }
        self.chargebacks.setdefault(payment, []).append(made)
        return made

    def now(self, *, later: timedelta = timedelta(0)) -> str:
        """Return the moment as Mollie writes it."""
        return (datetime.now(UTC) + self.ahead + later).isoformat(timespec="seconds")

    def answer(self, call: Call, query: dict[str, list[str]]) -> tuple[int, Json]:
        """Carry a call out, once for each key."""
        with self.lock:
            moment = datetime.now(UTC) + self.ahead
            # Those of other methods are ignored.
            key = call.key if call.op.startswith("POST ") else ""
            kept = self.keys.get(key)
            try:
                if kept and moment - kept[0] < KEY_LIFE:
                    if kept[1] != (call.path, call.body):
                        raise Refusal(400, "Bad Request", "This idempotency key was used for another request.")
                    return kept[2]
                answered = deepcopy(self._route(call, query))
            except Refusal as refusal:
                return refusal.status, refusal.body
            if key:
                self.keys[key] = (moment, (call.path, call.body), answered)
            return answered

    def _route(self, call: Call, query: dict[str, list[str]]) -> tuple[int, Json]:
        match call.op.split()[0], call.path.split("/"):
            case "POST", ["payments"]:
                return 201, self._create(call.body)
            case "GET", ["payments"]:
                return 200, self._page(query)
            case method, ["payments", payment, *rest]:
                if payment not in self.payments:
                    raise Refusal(404, "Not Found", f"No payment exists with token {payment}.")
                return self._under(method, payment, rest, call.body)
        raise Refusal(404, "Not Found", "No such address.")

    def _under(self, method: str, payment: str, rest: list[str], body: Json) -> tuple[int, Json]:
        found = self.payments[payment]
        match method, rest:
            case "GET", []:
                return 200, found
            case "DELETE", []:
                if not found.get("isCancelable"):
                    raise Refusal(422, "Unprocessable Entity", "The payment cannot be canceled.")
                self.end(payment, "canceled")
                return 200, found
            case "POST", ["captures"]:
                return 201, self._capture(found, body)
            case "POST", ["release-authorization"]:
                if found["status"] != "authorized":
                    raise Refusal(422, "Unprocessable Entity", "The payment is not in the authorized state.")
                if not self.releasing_later:
                    self.release(payment)
                return 202, {}
            case "POST", ["refunds"]:
                return 201, self._refund(found, body)
            case "GET", [("refunds" | "chargebacks" | "captures") as kind, *wanted]:
                mine = getattr(self, kind).get(payment, [])
                if not wanted:
                    return 200, {"count": len(mine), "_embedded": {kind: mine}, "_links": {"next": None}}
                for each in mine:
                    if each["id"] == wanted[0]:
                        return 200, each
        raise Refusal(404, "Not Found", "No such object.")

    def _create(self, body: Json) -> Json:
        decimals = DECIMALS.get(body["amount"]["currency"])
        if decimals is None:
            raise Refusal(422, "Unprocessable Entity", "The amount contains an invalid currency.", "amount.currency")
        if not re.fullmatch(r"[0-9]+\.[0-9]{2}" if decimals else r"[0-9]+", body["amount"]["value"]):
            raise Refusal(422, "Unprocessable Entity", "The amount contains an invalid value.", "amount")
        if Decimal(body["amount"]["value"]) < Decimal("0.10"):
            raise Refusal(422, "Unprocessable Entity", "The amount is lower than the minimum.", "amount")
        self.made += 1
        number = f"tr_{self.made:08d}"
        made = {
            "resource": "payment",
            "id": number,
            "mode": "test",
            "status": "open",
            "isCancelable": self.closable,
            "createdAt": self.now(),
            **{name: value for name, value in body.items() if name != "webhookUrl"},
            "webhookUrl": body["webhookUrl"],
            "_links": {"checkout": {"href": f"{self.base_url}/pay/{number}", "type": "text/html"}},
        }
        self.payments[number] = made
        return made

    def _page(self, query: dict[str, list[str]]) -> Json:
        newest_first = list(reversed(self.payments.values()))
        start = query.get("from", [""])[0]
        ids = [found["id"] for found in newest_first]
        begin = ids.index(start) if start in ids else 0
        # Shorter pages than asked for, as Mollie may give: whoever looks must turn them.
        page, rest = newest_first[begin : begin + 2], newest_first[begin + 2 :]
        following = {"href": f"{self.base_url}/v2/payments?from={rest[0]['id']}&limit=2"} if rest else None
        return {"count": len(page), "_embedded": {"payments": page}, "_links": {"next": following}}

    def _capture(self, found: Json, body: Json) -> Json:
        if found["status"] != "authorized":
            raise Refusal(422, "Unprocessable Entity", "The payment is not authorized.")
        mine = self.captures.setdefault(found["id"], [])
        taken = sum((Decimal(each["amount"]["value"]) for each in mine if each["status"] != "failed"), Decimal(0))
        if taken + Decimal(body["amount"]["value"]) > Decimal(found["amount"]["value"]):
            raise Refusal(422, "Unprocessable Entity", "The amount is higher than what is left.", "amount")
        count = sum(len(each) for each in self.captures.values())
        made = {
            "resource": "capture",
            "id": f"cpt_{count + 1:08d}",
            "status": self.capturing,
            "paymentId": found["id"],
            "createdAt": self.now(),
            **body,
        }
        mine.append(made)
        self._take(found)
        return dict(made)

    def _take(self, found: Json) -> None:
        """Have a payment show what its captures took: it stays authorized while there is something left."""
        done = [each for each in self.captures[found["id"]] if each["status"] == "succeeded"]
        taken = sum((Decimal(each["amount"]["value"]) for each in done), Decimal(0))
        found["amountCaptured"] = {
            **found["amount"],
            "value": f"{taken:f}" if taken else found["amountCaptured"]["value"],
        }
        if found["status"] == "authorized" and taken == Decimal(found["amount"]["value"]):
            found |= {"status": "paid", "paidAt": self.now()}

    def _refund(self, found: Json, body: Json) -> Json:
        mine = self.refunds.setdefault(found["id"], [])
        taken = sum((Decimal(each["amount"]["value"]) for each in mine), start=Decimal(0))
        if found["status"] != "paid" or taken + Decimal(body["amount"]["value"]) > Decimal(found["amount"]["value"]):
            raise Refusal(422, "Unprocessable Entity", "The amount is higher than the maximum.", "amount")
        count = sum(len(each) for each in self.refunds.values())
        made = {
            "resource": "refund",
            "id": f"re_{count + 1:08d}",
            "status": "pending",
            "paymentId": found["id"],
            "createdAt": self.now(),
            **body,
        }
        mine.append(made)
        return made


class _Handler(BaseHTTPRequestHandler):
    mollie: Mollie
    protocol_version = "HTTP/1.1"

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the moment by its own clock, for the header."""
        return format_datetime(datetime.now(UTC) + self.mollie.ahead, usegmt=True)

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        path = parts.path.removeprefix("/v2/")
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        name = path.split("/")[0] if path.count("/") < 2 else path.split("/")[2]
        call = Call(
            op=f"{self.command} {name}", path=path, key=self.headers.get("Idempotency-Key", ""), body=body or {}
        )
        self.mollie.calls.append(call)
        if not self.headers.get("Authorization", "").startswith("Bearer test_"):
            return self._say(401, {"status": 401, "title": "Unauthorized Request", "detail": "Missing authentication."})
        fault = self._fault(call)
        if fault in ("cut before", "500 before", "429", "503", "409", "422"):
            return self._fail(fault)
        status, answer = self.mollie.answer(call, parse_qs(parts.query))
        return self._fail(fault) if fault else self._say(status, answer)

    def do_GET(self) -> None:
        """Answer a GET."""
        self._serve()

    def do_POST(self) -> None:
        """Answer a POST."""
        self._serve()

    def do_DELETE(self) -> None:
        """Answer a DELETE."""
        self._serve()

    def _fault(self, call: Call) -> str:
        for planned in self.mollie.faults:
            if planned[0] == call.op:
                self.mollie.faults.remove(planned)
                return planned[1]
        return ""

    def _fail(self, fault: str) -> None:
        if fault.startswith("cut"):
            self.close_connection = True
            return
        statuses = {"garbage": 201, "html": 200}
        status = statuses.get(fault) or int(fault.split()[0])
        body = {"garbage": b'{"id": 7', "html": b"<html>Bad gateway</html>"}.get(
            fault, b'{"status": %d, "title": "Ill"}' % status
        )
        self._write(status, body, {"Retry-After": "7"} if status in (429, 503) else {})

    def _say(self, status: int, answer: Json) -> None:
        self._write(status, json.dumps(answer).encode() if answer else b"", {})

    def _write(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/hal+json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def running() -> Iterator[Mollie]:
    """Run a Mollie of one's own."""
    mollie = Mollie()
    handler = type("Handler", (_Handler,), {"mollie": mollie})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    mollie.base_url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield mollie
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
