"""The hosted payment page, the bank's challenge page, and what the buyer sends from them."""

import secrets
import time
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from babel import Locale, UnknownLocaleError
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sandbox.provider import methods, payments
from sandbox.provider.cards import ASYNC_LABELS, CARDS, Card, card_for, digits_of
from sandbox.provider.errors import CardDeclined, ConnectionCut
from sandbox.provider.money import known, major
from sandbox.provider.scope import Scope, World
from sandbox.provider.server import Reply, Request

Json = dict[str, Any]

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

# What stands in for the provider's script: it opens the page in a frame, and leaves when the page says so.
_SCRIPT = Path(__file__).with_name("stripe.js").read_bytes()


@dataclass(frozen=True)
class Problem:
    """What the page tells the buyer; the codes are for programs that pay."""

    message: str
    code: str
    decline_code: str = ""
    field: str = ""


class Pages:
    """Everything under `/c`, for browsers and for programs that behave like one."""

    def __init__(self, world: World, wake: Callable[[], None]) -> None:
        self._world = world
        self._wake = wake
        folder = Path(__file__).with_name("templates")
        self._templates = Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined)

    def answer(self, request: Request) -> Reply:
        """Show or take in a page.

        Raises ConnectionCut when the fault plan says so.
        """
        parts = request.path.strip("/").split("/")
        if parts[-1] == "stripe.js" and len(parts) == 2 and request.method == "GET":
            return Reply(200, _SCRIPT, "text/javascript; charset=utf-8", {"Cache-Control": "no-store"})
        if len(parts) != 3 or parts[0] != "c" or request.method not in ("GET", "POST"):
            return self._closed(404, "There is nothing here", "Please go back to the shop and try again.")
        step, object_id = parts[1], parts[2]
        handlers = {
            ("pay", "GET"): self._show,
            ("pay", "POST"): self._pay,
            ("3ds", "GET"): self._show_challenge,
            ("3ds", "POST"): self._answer_challenge,
        }
        handler = handlers.get((step, request.method))
        if handler is None:
            return self._closed(404, "There is nothing here", "Please go back to the shop and try again.")
        rules = self._world.faults.call(f"page.{step}.{request.method.lower()}", {"id": object_id})
        for rule in rules:
            if rule.action == "drop":
                raise ConnectionCut(rule.args.get("hang_s", 0))
            if rule.action == "delay":
                time.sleep(rule.args.get("s", 1))
        with self._world.store.transaction():
            scope = Scope(world=self._world, now=self._world.clock.now(), base_url=request.base_url)
            reply = handler(scope, request, object_id)
        if scope.emitted:
            self._wake()
        if any(rule.action == "timeout_after_commit" for rule in rules):
            raise ConnectionCut(0)
        return reply

    def _show(self, scope: Scope, request: Request, session_id: str) -> Reply:
        session = scope.store.get(session_id)
        if session is None or session["object"] != "checkout.session":
            return self._closed(404, "This page does not exist", "Check the link, or go back to the shop.")
        if session["status"] != "open":
            return self._over(session)
        problem = None
        if "failed" in dict(parse_qsl(request.query)) and session["payment_intent"]:
            problem = self._last_problem(scope, session["payment_intent"])
        return self._form(scope, request, session, status=200, problem=problem, typed={})

    def _last_problem(self, scope: Scope, intent_id: str) -> Problem | None:
        intent = scope.store.get(intent_id)
        error = intent["last_payment_error"] if intent else None
        return Problem(error["message"], error["code"], error.get("decline_code", "")) if error else None

    def _form(
        self,
        scope: Scope,
        request: Request,
        session: Json,
        *,
        status: int,
        problem: Problem | None,
        typed: dict[str, str],
    ) -> Reply:
        locale = locale_of(session["locale"], request.headers.get("accept-language", ""))
        items = scope.store.select("item", filters={"_session": session["id"]}, ascending=True)

        def show(amount: int) -> str:
            return localised(amount, session["currency"], locale)

        lines = [
            {
                "name": item["description"],
                "note": item["_note"],
                "quantity": item["quantity"],
                "each": show(item["price"]["unit_amount"]),
                "total": show(item["amount_total"]),
            }
            for item in items
        ]
        later = [(kind, ASYNC_LABELS[kind]) for kind in session["payment_method_types"] if kind != "card"]
        page = self._templates.get_template("pay.html").render(
            session=session,
            shop=urlsplit(session["success_url"] or session["return_url"]).hostname,
            lines=lines,
            total=show(session["amount_total"]),
            cards="card" in session["payment_method_types"],
            later=later,
            chosen=typed.get("method", "card"),
            hints=list(CARDS.values()),
            problem=problem,
            email=typed.get("email") or session["customer_email"] or "",
            typed_name=typed.get("name", ""),
        )
        return _html(status, page)

    def _pay(self, scope: Scope, request: Request, session_id: str) -> Reply:
        session = scope.store.get(session_id)
        if session is None or session["object"] != "checkout.session":
            return self._closed(404, "This page does not exist", "Check the link, or go back to the shop.")
        if session["status"] == "complete":
            # a second click on the button must neither charge twice nor frighten
            return self._leave(request, session)
        if session["status"] == "expired":
            return self._over(session)
        typed = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
        problem = check_form(typed, session, year_month=time.gmtime(scope.now)[:2])
        if problem is not None:
            return self._form(scope, request, session, status=422, problem=problem, typed=typed)
        try:
            intent = self._attempt(scope, session, typed)
        except CardDeclined as declined:
            problem = Problem(declined.message, declined.code or "", declined.facts.get("decline_code") or "")
            return self._form(scope, request, session, status=402, problem=problem, typed=typed)
        if intent["status"] == "requires_action":
            return _redirect(intent["next_action"]["redirect_to_url"]["url"])
        return self._leave(request, session)

    def _leave(self, request: Request, session: Json) -> Reply:
        """Send the buyer's browser back to the shop; out of the frame, where the page is in one."""
        if session["ui_mode"] != "embedded_page" or request.headers.get("sec-fetch-dest") != "iframe":
            return _redirect(return_address(session))
        nonce = secrets.token_urlsafe(16)
        page = self._templates.get_template("leave.html").render(url=return_address(session), nonce=nonce)
        policy = f"{_HEADERS['Content-Security-Policy']}; script-src 'nonce-{nonce}'"
        headers = {**_HEADERS, "Content-Security-Policy": policy}
        return Reply(200, page.encode(), "text/html; charset=utf-8", headers)

    def _attempt(self, scope: Scope, session: Json, typed: dict[str, str]) -> Json:
        name, email = typed.get("name") or None, typed.get("email") or None
        kind = typed.get("method", "card")
        if kind == "card":
            month, year = expiry_of(typed["exp"])
            method = methods.card_method(
                scope,
                card_for(digits_of(typed["number"])),
                name=name,
                email=email,
                exp_month=month,
                exp_year=year,
            )
        else:
            method = methods.async_method(scope, kind, name=name, email=email)
        session["customer_details"] = {
            "address": dict(methods.NO_ADDRESS),
            "business_name": None,
            "email": email,
            "individual_name": None,
            "name": name,
            "phone": None,
            "tax_exempt": "none",
            "tax_ids": [],
        }
        intent = scope.store.get(session["payment_intent"]) if session["payment_intent"] else None
        if intent is None:
            intent = payments.create(
                scope,
                amount=session["amount_total"],
                currency=session["currency"],
                customer=session["customer"],
                payment_method_types=session["payment_method_types"],
                payment_method_options=session["payment_method_options"],
                _session=session["id"],
                _return_url=return_address(session),
                **session["_intent"],
            )
        session["payment_intent"] = intent["id"]
        scope.store.save(session)
        return payments.attempt(scope, intent, method)

    def _waiting(self, scope: Scope, intent_id: str) -> Json | None:
        intent = scope.store.get(intent_id)
        waiting = intent is not None and intent.get("status") == "requires_action"
        return intent if waiting else None

    def _show_challenge(self, scope: Scope, request: Request, intent_id: str) -> Reply:
        intent = self._waiting(scope, intent_id)
        if intent is None:
            return self._closed(410, "Nothing to confirm", "This payment no longer waits for your confirmation.")
        locale = locale_of(None, request.headers.get("accept-language", ""))
        page = self._templates.get_template("challenge.html").render(
            amount=localised(intent["amount"], intent["currency"], locale)
        )
        return _html(200, page)

    def _answer_challenge(self, scope: Scope, request: Request, intent_id: str) -> Reply:
        intent = self._waiting(scope, intent_id)
        if intent is None:
            return self._closed(410, "Nothing to confirm", "This payment no longer waits for your confirmation.")
        typed = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        session_id = intent["_session"]
        back = intent["_return_url"] or scope.base_url
        try:
            payments.challenged(scope, intent, passed=typed.get("outcome") == "complete")
        except CardDeclined:
            if session_id:
                return _redirect(f"{scope.base_url}/c/pay/{session_id}?failed=1")
            return _redirect(_with_query(back, payment_intent=intent_id, redirect_status="failed"))
        session = scope.store.get(session_id) if session_id else None
        if session is not None:
            return self._leave(request, session)
        return _redirect(_with_query(back, payment_intent=intent_id, redirect_status="succeeded"))

    def _over(self, session: Json) -> Reply:
        if session["status"] == "complete":
            return self._closed(200, "You’re all done here", "You’ve already completed your payment.", session)
        return self._closed(410, "This page has expired", "Go back to the shop to start your payment again.", session)

    def _closed(self, status: int, title: str, message: str, session: Json | None = None) -> Reply:
        back = None
        if session is not None:
            back = return_address(session) if session["status"] == "complete" else session["cancel_url"]
        page = self._templates.get_template("closed.html").render(title=title, message=message, back=back)
        return _html(status, page)


def _html(status: int, page: str) -> Reply:
    return Reply(status, page.encode(), "text/html; charset=utf-8", _HEADERS)


def _redirect(url: str) -> Reply:
    return Reply(303, b"", "text/plain", {"Location": url.replace("\r", "").replace("\n", ""), **_HEADERS})


def _with_query(url: str, **values: str) -> str:
    return url + ("&" if "?" in url else "?") + urlencode(values)


def return_address(session: Json) -> str:
    """Return where the buyer's browser goes after paying, with the session's id filled in."""
    url: str = session["success_url"] or session["return_url"]
    return url.replace("{CHECKOUT_SESSION_ID}", session["id"])


def expiry_of(text: str) -> tuple[int, int]:
    """Read a card's expiry, such as `12/34` or `12 / 2034`, as month and year.

    Raises ValueError when it is neither.
    """
    month, _, year = text.replace(" ", "").partition("/")
    number = int(year)
    return int(month), number + 2000 if number < 100 else number


def check_form(typed: dict[str, str], session: Json, *, year_month: tuple[int, ...]) -> Problem | None:
    """Return what is wrong with the buyer's entries, or None."""
    kind = typed.get("method", "card")
    if kind not in session["payment_method_types"]:
        return Problem("Please choose a way to pay.", "payment_method_invalid", field="method")
    if "@" not in typed.get("email", ""):
        return Problem("Your email is incomplete.", "email_invalid", field="email")
    if kind != "card":
        return None
    number = digits_of(typed.get("number", ""))
    if not number.isascii() or not number.isdigit() or not 12 <= len(number) <= 19:
        return Problem("Your card number is incomplete.", "incomplete_number", field="number")
    card: Card = card_for(number)
    if card.code == "incorrect_number":
        return Problem("Your card number is invalid.", "incorrect_number", field="number")
    try:
        month, year = expiry_of(typed.get("exp", ""))
    except ValueError:
        return Problem("Your card's expiration date is incomplete.", "incomplete_expiry", field="exp")
    if not 1 <= month <= 12:
        return Problem("Your card's expiration date is invalid.", "invalid_expiry_month", field="exp")
    if (year, month) < year_month:
        return Problem("Your card's expiration date is in the past.", "invalid_expiry_year", field="exp")
    cvc = typed.get("cvc", "")
    if not (cvc.isascii() and cvc.isdigit() and len(cvc) in (3, 4)):
        return Problem("Your card's security code is incomplete.", "incomplete_cvc", field="cvc")
    return None


@lru_cache(maxsize=256)
def locale_of(wanted: str | None, accepted: str) -> str:
    """Return the locale to write amounts in: the session's, else the browser's first, else English."""
    first = accepted.split(",")[0].split(";")[0].strip()
    for tag in (wanted if wanted != "auto" else None, first):
        try:
            if tag:
                return str(Locale.parse(tag.replace("-", "_")))
        except (UnknownLocaleError, ValueError):
            continue
    return "en_US"


@lru_cache(maxsize=4096)
def localised(amount: int, currency: str, locale: str) -> str:
    """Write an amount of minor units as people in a locale do."""
    people = Locale.parse(locale)
    pattern = copy(people.currency_formats["standard"])
    # CLDR has no decimals for some currencies that are charged with two.
    pattern.frac_prec = (known(currency).shown_decimals,) * 2
    value = Decimal(major(amount, currency))
    return str(pattern.apply(value, people, currency=currency.upper(), currency_digits=False))
