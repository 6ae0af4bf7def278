"""Mollie behind our gateway protocol, by its Payments API of version 2.

It differs from Stripe in all that a protocol must bear: a payment is page and charge in one, amounts are decimal
texts, a key is remembered for an hour, webhooks are unsigned and say nothing but an id, fees are not told with a
payment, and there are neither sellers' accounts nor a list of events. What it has not is a definite no.
"""

import hashlib
import hmac
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import certifi
import urllib3

from ledger.money import Money
from operations.edges import psp
from payments.gateway import mollie_objects as read
from payments.gateway import mollie_wire as wire
from payments.gateway.abilities import MOLLIE_CURRENCIES, Abilities, Limits
from payments.gateway.base import (
    REFUND_GONE,
    BadSignature,
    CaptureRequest,
    CheckoutFacts,
    CheckoutRequest,
    CheckoutStatus,
    Declined,
    DisputeFacts,
    EvidenceFileRequest,
    EvidenceRequest,
    Outcome,
    ProviderEvent,
    RefundFacts,
    RefundRequest,
    Succeeded,
    Unknown,
)
from payments.gateway.calls import heard, kept
from payments.gateway.money_out import Account, AccountRequest, Transfer, TransferRequest
from payments.gateway.shield import Shield
from payments.gateway.timed import proxy_for, timed_pool

logger = logging.getLogger(__name__)
T = TypeVar("T")
Json = dict[str, Any]

TIMEOUT_S = (3, 10)
API = "https://api.mollie.com/v2"
# What Mollie prints of a description.
_LONGEST_DESCRIPTION = 255


class MollieGateway:
    """Mollie, or a stand-in that speaks its wire format."""

    name = "mollie"
    key_life_s = 3600
    tells_fees = False
    abilities = Abilities(currencies=MOLLIE_CURRENCIES, embedded_page=False, manual_capture=True, keeps_rest=False)

    def __init__(self, *, api_key: str, api_base: str, webhook_url: str, webhook_secret: str, shield: Shield) -> None:
        self._base = (api_base or API).rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self._webhook_url = webhook_url
        self._secret = webhook_secret.encode()
        self._shield = shield
        self._pool = timed_pool(timeout=TIMEOUT_S, ca_certs=certifi.where(), proxy=proxy_for(self._base))

    def resting(self) -> bool:
        """Tell whether the breaker lets no call pass now."""
        return self._shield.resting()

    def step_of(self, currency: str) -> int:
        """Return 1: amounts are texts with all the decimals that a currency has, and Mollie has none with three."""
        return 1

    def limits_of(self, currency: str) -> Limits:
        """Return none: they are each payment method's own, and which methods a page offers is Mollie's to say."""
        return Limits()

    def register_checkout(self, request: CheckoutRequest, *, key: str) -> Outcome[CheckoutFacts]:
        """Create a payment. When its page runs out is Mollie's to say, by method."""
        total = Money(sum(line.amount_minor for line in request.lines), request.currency)
        names = ", ".join(line.name for line in request.lines)
        body: Json = {
            "amount": read.written(total),
            "description": names[:_LONGEST_DESCRIPTION] or request.reference,
            "redirectUrl": request.success_url,
            "cancelUrl": request.cancel_url,
            "webhookUrl": f"{self._webhook_url}?{urlencode({'token': self._token(request.reference)})}",
            "metadata": {**request.metadata, "reference": request.reference},
        }
        if request.capture_method == "manual":
            body["captureMode"] = "manual"
        return self._ask("checkout.register", lambda: read.checkout(self._post("payments", body, key)))

    def fetch_checkout(self, psp_ref: str) -> Outcome[CheckoutFacts]:
        """Fetch a payment."""
        return self._ask("checkout.fetch", lambda: read.checkout(self._get(_path("payments", psp_ref))))

    def find_checkout(self, reference: str, *, since: datetime) -> Outcome[CheckoutFacts | None]:
        """Look through the payments, which are listed newest first, back to shortly before a moment."""
        oldest = since - timedelta(minutes=5)

        def search() -> CheckoutFacts | None:
            for found in self._list("payments", "payments"):
                metadata = found.get("metadata")
                if isinstance(metadata, dict) and metadata.get("reference") == reference:
                    return read.checkout(found)
                if read.moment(found) < oldest:
                    return None
            return None

        return self._ask("checkout.find", search)

    def expire_checkout(self, psp_ref: str, *, key: str) -> Outcome[str]:
        """Cancel a payment that nobody began to pay."""
        return self._ask(
            "checkout.expire", lambda: read.identity(self._send("DELETE", _path("payments", psp_ref), {}, key))
        )

    def capture_payment(self, request: CaptureRequest, *, key: str) -> Outcome[str]:
        """Capture a payment. A part that shall be the last releases the rest as soon as the capture shows.

        Mollie may accept a capture as pending, and tell later that it failed: sent again, it is looked at then.
        """
        if not request.final:
            return _unsupported("a capture that leaves the rest reserved")
        amount = Money(request.amount_minor, request.currency)
        path = _path("payments", request.payment_ref)

        def capture() -> str:
            made = read.identity(self._post(f"{path}/captures", {"amount": read.written(amount)}, key))
            facts = read.checkout(self._get(path))
            if facts.status is not CheckoutStatus.AUTHORIZED or amount == facts.amount == facts.captured:
                return facts.psp_ref
            if facts.captured == amount:
                self._release_rest(path, key=f"{key}:rest")
            elif read.has_failed(self._get(f"{path}/captures/{quote(made, safe='')}")):
                raise wire.Answered(Declined(code="capture_failed", message=f"the capture {made} failed"))
            return facts.psp_ref

        return self._ask("payment.capture", capture)

    def void_payment(self, payment_ref: str, *, key: str) -> Outcome[str]:
        """Release what is reserved. Mollie accepts that, and does it a little later."""

        def release() -> str:
            self._post(f"{_path('payments', payment_ref)}/release-authorization", {}, key)
            return payment_ref

        return self._ask("payment.void", release)

    def create_refund(self, request: RefundRequest, *, key: str) -> Outcome[RefundFacts]:
        """Refund a payment."""
        body = {
            "amount": read.written(Money(request.amount_minor, request.currency)),
            "description": request.reference,
            "metadata": {"reference": request.reference},
        }
        path = f"{_path('payments', request.charge_ref)}/refunds"
        return self._ask("refund.create", lambda: read.refund(self._post(path, body, key)))

    def fetch_refund(self, psp_ref: str, *, charge_ref: str) -> Outcome[RefundFacts]:
        """Fetch a refund of a payment. One that was canceled in time is not found any more, nor listed."""

        def fetch() -> RefundFacts:
            try:
                return read.refund(self._get(_path("payments", charge_ref, "refunds", psp_ref)))
            except wire.Refused as refusal:
                # Not found is also what another account's key is told: then its payment is not shown either.
                listed = self._list(_path("payments", charge_ref, "refunds"), "refunds")
                if refusal.answer.status != 404 or any(read.identity(found) == psp_ref for found in listed):
                    raise
                gone = Declined(code=REFUND_GONE, message="canceled, and not shown any more", missing=True)
                raise wire.Answered(gone) from refusal

        return self._ask("refund.fetch", fetch)

    def find_refund(self, reference: str, *, charge_ref: str) -> Outcome[RefundFacts | None]:
        """Look through a payment's refunds for our reference."""

        def search() -> RefundFacts | None:
            refunds = (read.refund(found) for found in self._list(_path("payments", charge_ref, "refunds"), "refunds"))
            return next((facts for facts in refunds if facts.reference == reference), None)

        return self._ask("refund.find", search)

    def find_refunds(self, charge_ref: str) -> Outcome[list[RefundFacts]]:
        """List a payment's refunds, those of the dashboard too."""

        def search() -> list[RefundFacts]:
            listed = self._list(_path("payments", charge_ref, "refunds"), "refunds")
            return sorted((read.refund(found) for found in listed), key=lambda facts: facts.created_at)

        return self._ask("refund.list", search)

    def fetch_dispute(self, psp_ref: str, *, charge_ref: str = "") -> Outcome[DisputeFacts]:
        """Fetch a chargeback, which Mollie shows only under its payment."""
        if not charge_ref:
            return _unsupported("a chargeback without its payment")
        path = _path("payments", charge_ref, "chargebacks", psp_ref)

        def fetch() -> DisputeFacts:
            answer = self._call("GET", path)
            return read.dispute(wire.body_of(answer), payment=charge_ref, now=wire.answered_at(answer))

        return self._ask("dispute.fetch", fetch)

    def find_disputes(self, charge_ref: str) -> Outcome[list[DisputeFacts]]:
        """List a payment's chargebacks."""

        def search() -> list[DisputeFacts]:
            answer = self._call("GET", _path("payments", charge_ref, "chargebacks"))
            found = read.listed(wire.body_of(answer), "chargebacks")
            facts = [read.dispute(each, payment=charge_ref, now=wire.answered_at(answer)) for each in found]
            return sorted(facts, key=lambda each: each.created_at)

        return self._ask("dispute.find", search)

    def upload_evidence_file(self, request: EvidenceFileRequest, *, key: str) -> Outcome[str]:
        """Refuse: Mollie takes no evidence by its API."""
        return _unsupported("evidence")

    def find_evidence_file(self, name: str, *, since: datetime) -> Outcome[str | None]:
        """Refuse: Mollie takes no evidence by its API."""
        return _unsupported("evidence")

    def submit_evidence(self, request: EvidenceRequest, *, key: str) -> Outcome[DisputeFacts]:
        """Refuse: Mollie takes no evidence by its API."""
        return _unsupported("evidence")

    def open_account(self, request: AccountRequest, *, key: str) -> Outcome[Account]:
        """Refuse: sellers have their accounts elsewhere."""
        return _unsupported("sellers' accounts")

    def find_account(self, reference: str, *, since: datetime) -> Outcome[Account | None]:
        """Refuse: sellers have their accounts elsewhere."""
        return _unsupported("sellers' accounts")

    def fetch_account(self, psp_ref: str) -> Outcome[Account]:
        """Refuse: sellers have their accounts elsewhere."""
        return _unsupported("sellers' accounts")

    def create_transfer(self, request: TransferRequest, *, key: str) -> Outcome[Transfer]:
        """Refuse: sellers are paid elsewhere."""
        return _unsupported("transfers")

    def fetch_transfer(self, psp_ref: str) -> Outcome[Transfer]:
        """Refuse: sellers are paid elsewhere."""
        return _unsupported("transfers")

    def find_transfer(self, reference: str) -> Outcome[Transfer | None]:
        """Refuse: sellers are paid elsewhere."""
        return _unsupported("transfers")

    def fetch_balances(self) -> Outcome[list[Money]]:
        """Refuse: balances need another kind of key than payments."""
        return _unsupported("balances")

    def statement_span(self) -> Outcome[tuple[datetime, datetime]]:
        """Refuse: there are no reports on intervals."""
        return _unsupported("statements")

    def fetch_statement(self, *, start: datetime, end: datetime) -> Outcome[bytes]:
        """Refuse: a settlement is no report on an interval."""
        return _unsupported("statements")

    def signature_of(self, *, headers: Mapping[str, str], query: Mapping[str, str]) -> str:
        """Return the token that we gave with the address of the webhook."""
        return query.get("token", "")

    def read_event(self, payload: bytes, *, signature: str, now: datetime) -> ProviderEvent:
        """Check that a webhook came to an address of ours. Nothing else in it is believed. Raises BadSignature."""
        if not self._secret:
            # With nothing as a secret anybody can make a token. It is so where nobody set Mollie up.
            raise BadSignature("no address was given away")
        reference = signature.rpartition(".")[0]
        if not reference or not hmac.compare_digest(signature.encode(), self._token(reference).encode()):
            raise BadSignature("this address is not one that we gave away")
        return self.parse_event(payload, arrived_at=now)

    def parse_event(self, payload: bytes, *, arrived_at: datetime) -> ProviderEvent:
        """Read a webhook's body."""
        try:
            return read.event(payload, arrived_at=arrived_at)
        except read.Unreadable as error:
            raise BadSignature(str(error)) from error

    def list_events(
        self, kinds: Sequence[str], *, since: datetime, until: datetime
    ) -> Outcome[list[tuple[ProviderEvent, bytes]]]:
        """Refuse: Mollie keeps no list of what it told."""
        return _unsupported("a list of events")

    def _release_rest(self, path: str, *, key: str) -> None:
        """Release what is left of a payment. That it cannot be says nothing about what was captured of it."""
        try:
            self._post(f"{path}/release-authorization", {}, key)
        except wire.Refused as refusal:
            if refusal.answer.status != 422:
                raise

    def _token(self, reference: str) -> str:
        digest = hmac.new(self._secret, f"webhook:{reference}".encode(), hashlib.sha256).hexdigest()
        return f"{reference}.{digest}"

    def _get(self, path: str) -> Json:
        return wire.body_of(self._call("GET", path))

    def _post(self, path: str, body: Json, key: str) -> Json:
        return self._send("POST", path, body, key)

    def _send(self, method: str, path: str, body: Json, key: str) -> Json:
        answer = self._call(method, path, body=body, key=key)
        # Releasing is accepted without a word.
        return wire.body_of(answer) if answer.data else {}

    def _list(self, path: str, kind: str) -> Iterator[Json]:
        """Yield what a list has, page by page."""
        address = f"{path}?limit=250"
        while address:
            page = self._get(address)
            yield from read.listed(page, kind)
            address = read.following(page)

    def _call(self, method: str, path: str, *, body: Json | None = None, key: str = "") -> urllib3.BaseHTTPResponse:
        url = path if path.startswith("http") else f"{self._base}/{path}"
        if not url.startswith(f"{self._base}/"):
            # Our key is not shown to whoever is named in an answer.
            raise read.Unreadable(f"a list leads away from {self._base}")
        headers = {**self._headers, "Idempotency-Key": key} if key else self._headers
        answer = self._pool.request(method, url, json=body, headers=headers, redirect=False)
        heard(answer.status, answer.data, request_id=answer.headers.get("X-Request-Id", ""))
        if not 200 <= answer.status < 300:
            raise wire.Refused(answer)
        return answer

    def _ask(self, op: str, send: Callable[[], T]) -> Outcome[T]:
        """Make one call, unless the provider has not answered for a while, and turn what happens into an outcome."""
        return kept(self.name, op, lambda: self._shield.around(lambda: self._answer(op, send)))

    def _answer(self, op: str, send: Callable[[], T]) -> Outcome[T]:
        try:
            with wire.as_outcome():
                return Succeeded(psp.call(op, send))
        except wire.Answered as answered:
            if isinstance(answered.outcome, Unknown):
                logger.warning("mollie %s: outcome unknown (%s)", op, answered.outcome.reason)
            return answered.outcome


def _path(*parts: str) -> str:
    return "/".join(quote(part, safe="") for part in parts)


def _unsupported(what: str) -> Declined:
    return Declined(code="unsupported", message=f"Mollie has no {what}")


def make(settings: Any) -> MollieGateway:
    """Return the gateway that the settings describe."""
    return _cached(
        settings.MOLLIE_API_KEY,
        settings.MOLLIE_API_BASE,
        f"{settings.PUBLIC_URL}/webhooks/mollie",
        settings.MOLLIE_WEBHOOK_SECRET,
        (settings.PSP_BREAKER_FAILURES, settings.PSP_BREAKER_REST_S, settings.PSP_CALLS_AT_ONCE),
    )


_Configuration = tuple[str, str, str, str, tuple[int, int, int]]
_made: dict[_Configuration, MollieGateway] = {}


def _cached(*configuration: Any) -> MollieGateway:
    """Keep one gateway, with what it knows of the provider's health, per configuration."""
    found = _made.get(configuration)
    if found is None:
        api_key, api_base, webhook_url, secret, (failures, rest_s, at_once) = configuration
        shield = Shield(name="mollie", failures=failures, rest_s=rest_s, at_once=at_once)
        found = MollieGateway(
            api_key=api_key, api_base=api_base, webhook_url=webhook_url, webhook_secret=secret, shield=shield
        )
        _made[configuration] = found
    return found
