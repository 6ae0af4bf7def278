"""Stripe behind our gateway protocol.

Every call carries its own stored idempotency key, the SDK's hidden retries are off, and ten seconds is the
longest that anything waits. What Stripe did not clearly answer is `Unknown`; nothing is concluded from silence.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast
from urllib.parse import quote

import requests
import stripe

from ledger.money import Money
from operations.edges import psp
from payments.gateway import stripe_objects as read
from payments.gateway.abilities import STRIPE_CURRENCIES, Abilities, Limits
from payments.gateway.base import (
    BadSignature,
    CaptureRequest,
    CheckoutFacts,
    CheckoutRequest,
    DisputeFacts,
    EvidenceFileRequest,
    EvidenceRequest,
    Outcome,
    ProviderEvent,
    RefundFacts,
    RefundRequest,
    RefundStatus,
    Succeeded,
    Unknown,
)
from payments.gateway.calls import kept
from payments.gateway.currencies import step_of, stripe_limits
from payments.gateway.money_out import Account, AccountRequest, Transfer, TransferRequest
from payments.gateway.shield import Shield
from payments.gateway.stripe_errors import Answered, as_outcome
from payments.gateway.stripe_releases import NotYet, in_part
from payments.gateway.stripe_requests import (
    REPORT,
    ListeningClient,
    account_params,
    capture_params,
    named_stream,
    pages,
    raw,
    refund_params,
    report_params,
    session_params,
    transfer_params,
)
from payments.gateway.stripe_signatures import is_signed

logger = logging.getLogger(__name__)
T = TypeVar("T")

TIMEOUT_S = (3, 10)
_SESSIONS = "/v1/checkout/sessions"
_REFUNDS = "/v1/refunds"
_DISPUTES = "/v1/disputes"
# Everything that a paid checkout is booked from, in one answer.
_EXPAND = ["payment_intent.latest_charge.balance_transaction", "payment_intent.review"]
# How a refund, and its failure, were settled.
_EXPAND_REFUND = ["balance_transaction", "failure_balance_transaction"]
# How many kinds of event a list may be asked for: https://docs.stripe.com/api/events/list
_KINDS_AT_ONCE = 20


class StripeGateway:
    """Stripe, or the stand-in that speaks its wire format."""

    name = "stripe"
    key_life_s = 20 * 3600
    tells_fees = True
    abilities = Abilities(currencies=STRIPE_CURRENCIES, embedded_page=True, manual_capture=True, keeps_rest=True)

    def __init__(
        self, *, api_key: str, api_base: str, webhook_secrets: list[str], settled_in: list[str], shield: Shield
    ) -> None:
        self._key = api_key
        self._base = api_base
        self._secrets = webhook_secrets
        self._settled_in = settled_in
        self._shield = shield
        addresses = cast(Any, {"api": api_base, "files": api_base} if api_base else {})
        self._client = stripe.StripeClient(
            api_key,
            base_addresses=addresses,
            max_network_retries=0,
            http_client=ListeningClient(timeout=TIMEOUT_S),
        )

    def resting(self) -> bool:
        """Tell whether the breaker lets no call pass now."""
        return self._shield.resting()

    def step_of(self, currency: str) -> int:
        """Return 10 where a currency has three decimals, of which Stripe wants the last to be 0."""
        return step_of(currency)

    def limits_of(self, currency: str) -> Limits:
        """Return the documented ones: the least of those currencies alone in which the account settles."""
        return stripe_limits(currency, settled_in=self._settled_in)

    def register_checkout(self, request: CheckoutRequest, *, key: str) -> Outcome[CheckoutFacts]:
        """Register a Checkout Session."""
        return self._ask(
            "checkout.register",
            lambda _: read.checkout(
                raw(self._client, "post", _SESSIONS, **session_params(request), expand=_EXPAND, key=key)
            ),
        )

    def fetch_checkout(self, psp_ref: str) -> Outcome[CheckoutFacts]:
        """Fetch a Checkout Session with its charge and fee."""
        return self._ask(
            "checkout.fetch",
            lambda _: self._checkout(psp_ref),
        )

    def find_checkout(self, reference: str, *, since: datetime) -> Outcome[CheckoutFacts | None]:
        """Look through the sessions created since for our reference."""

        def search(v1: Any) -> CheckoutFacts | None:
            window = {"created": {"gte": int((since - timedelta(minutes=5)).timestamp())}, "limit": 100}
            for session in v1.checkout.sessions.list(window).auto_paging_iter():
                if session.client_reference_id == reference:
                    return self._checkout(session.id)
            return None

        return self._ask("checkout.find", search)

    def expire_checkout(self, psp_ref: str, *, key: str) -> Outcome[str]:
        """Expire a Checkout Session."""
        return self._ask(
            "checkout.expire",
            lambda v1: read.identity(v1.checkout.sessions.expire(psp_ref, {}, {"idempotency_key": key})),
        )

    def capture_payment(self, request: CaptureRequest, *, key: str) -> Outcome[str]:
        """Capture a PaymentIntent."""
        return self._ask(
            "payment.capture",
            lambda v1: read.identity(
                v1.payment_intents.capture(request.payment_ref, capture_params(request), {"idempotency_key": key})
            ),
        )

    def void_payment(self, payment_ref: str, *, key: str) -> Outcome[str]:
        """Cancel a PaymentIntent."""
        return self._ask(
            "payment.void",
            lambda v1: read.identity(v1.payment_intents.cancel(payment_ref, {}, {"idempotency_key": key})),
        )

    def create_refund(self, request: RefundRequest, *, key: str) -> Outcome[RefundFacts]:
        """Create a refund of a charge."""
        return self._ask(
            "refund.create",
            lambda _: read.refund(
                raw(self._client, "post", _REFUNDS, **refund_params(request), expand=_EXPAND_REFUND, key=key)
            ),
        )

    def fetch_refund(self, psp_ref: str, *, charge_ref: str) -> Outcome[RefundFacts]:
        """Fetch a refund."""
        expand = [*_EXPAND_REFUND, "charge"]
        return self._ask("refund.fetch", lambda _: read.refund(self._get(_REFUNDS, psp_ref, expand=expand)))

    def find_refund(self, reference: str, *, charge_ref: str) -> Outcome[RefundFacts | None]:
        """Look through a charge's refunds for our reference."""
        return self._ask(
            "refund.find",
            lambda _: next((facts for facts in self._refunds(charge_ref) if facts.reference == reference), None),
        )

    def find_refunds(self, charge_ref: str) -> Outcome[list[RefundFacts]]:
        """List a charge's refunds."""
        return self._ask("refund.list", lambda _: sorted(self._refunds(charge_ref), key=lambda facts: facts.created_at))

    def _refunds(self, charge_ref: str) -> Iterator[RefundFacts]:
        listed = map(read.refund, self._listed_refunds(charge_ref, *_EXPAND_REFUND, "charge"))
        return (facts for facts in listed if facts.status is not RefundStatus.RELEASED)

    def _listed_refunds(self, charge_ref: str, *expand: str) -> Iterator[dict[str, Any]]:
        shown = [f"data.{name}" for name in expand]
        return pages(self._client, _REFUNDS, charge=charge_ref, limit=100, expand=shown)

    def fetch_dispute(self, psp_ref: str, *, charge_ref: str = "") -> Outcome[DisputeFacts]:
        """Fetch a dispute, with its balance transactions."""
        return self._ask("dispute.fetch", lambda _: read.dispute(self._get(_DISPUTES, psp_ref)))

    def find_disputes(self, charge_ref: str) -> Outcome[list[DisputeFacts]]:
        """List a charge's disputes."""

        def search(_: Any) -> list[DisputeFacts]:
            listed = pages(self._client, _DISPUTES, charge=charge_ref, limit=100)
            return sorted((read.dispute(found) for found in listed), key=lambda facts: facts.created_at)

        return self._ask("dispute.find", search)

    def upload_evidence_file(self, request: EvidenceFileRequest, *, key: str) -> Outcome[str]:
        """Upload a file by the Files API, which has an address of its own."""

        def upload(v1: Any) -> str:
            params = {"purpose": "dispute_evidence", "file": named_stream(request.content, request.name)}
            return read.identity(v1.files.create(params, {"idempotency_key": key}))

        return self._ask("file.upload", upload)

    def find_evidence_file(self, name: str, *, since: datetime) -> Outcome[str | None]:
        """Look through the evidence files uploaded since for a name."""

        def search(v1: Any) -> str | None:
            window = {"created": {"gte": int((since - timedelta(minutes=5)).timestamp())}, "limit": 100}
            for found in v1.files.list({**window, "purpose": "dispute_evidence"}).auto_paging_iter():
                if found.filename == name:
                    return read.identity(found)
            return None

        return self._ask("file.find", search)

    def submit_evidence(self, request: EvidenceRequest, *, key: str) -> Outcome[DisputeFacts]:
        """Update a dispute with evidence; `submit` hands it to the bank."""
        params = {"evidence": request.evidence, "submit": request.final}
        return self._ask(
            "dispute.submit",
            lambda _: read.dispute(raw(self._client, "post", _path(_DISPUTES, request.dispute_ref), **params, key=key)),
        )

    def open_account(self, request: AccountRequest, *, key: str) -> Outcome[Account]:
        """Create a connected account that may receive transfers."""
        return self._ask(
            "account.open",
            lambda v1: read.account(v1.accounts.create(account_params(request), {"idempotency_key": key})),
        )

    def find_account(self, reference: str, *, since: datetime) -> Outcome[Account | None]:
        """Look through the accounts created since for our reference."""

        def search(v1: Any) -> Account | None:
            window = {"created": {"gte": int((since - timedelta(minutes=5)).timestamp())}, "limit": 100}
            for found in v1.accounts.list(window).auto_paging_iter():
                if read.reference(found) == reference:
                    return read.account(found)
            return None

        return self._ask("account.find", search)

    def fetch_account(self, psp_ref: str) -> Outcome[Account]:
        """Fetch a connected account."""
        return self._ask("account.fetch", lambda v1: read.account(v1.accounts.retrieve(psp_ref)))

    def create_transfer(self, request: TransferRequest, *, key: str) -> Outcome[Transfer]:
        """Transfer from our balance to a connected account."""
        return self._ask(
            "transfer.create",
            lambda v1: read.transfer(v1.transfers.create(transfer_params(request), {"idempotency_key": key})),
        )

    def fetch_transfer(self, psp_ref: str) -> Outcome[Transfer]:
        """Fetch a transfer, with every reversal of it."""

        def fetch(v1: Any) -> Transfer:
            found = read.transfer(v1.transfers.retrieve(psp_ref))
            if not found.reversed.minor:
                return found
            listed = v1.transfers.reversals.list(psp_ref, {"limit": 100}).auto_paging_iter()
            return replace(found, reversals=tuple(read.reversal(each) for each in listed))

        return self._ask("transfer.fetch", fetch)

    def find_transfer(self, reference: str) -> Outcome[Transfer | None]:
        """Look a transfer up by its group, which is our reference."""

        def search(v1: Any) -> Transfer | None:
            found = v1.transfers.list({"transfer_group": reference, "limit": 1}).data
            return read.transfer(found[0]) if found else None

        return self._ask("transfer.find", search)

    def fetch_balances(self) -> Outcome[list[Money]]:
        """Fetch our balance at Stripe."""
        return self._ask("balance.fetch", lambda v1: read.balances(v1.balance.retrieve()))

    def statement_span(self) -> Outcome[tuple[datetime, datetime]]:
        """Fetch of which days Stripe has the data of its report: of the last ones not yet."""
        return self._ask("statement.span", lambda v1: read.report_span(v1.reporting.report_types.retrieve(REPORT)))

    def fetch_statement(self, *, start: datetime, end: datetime) -> Outcome[bytes]:
        """Have the itemised activity report made and fetch its CSV."""
        params = report_params(start=start, end=end)
        key = f"report:{int(start.timestamp())}:{int(end.timestamp())}"

        def fetch(v1: Any) -> bytes:
            run = v1.reporting.report_runs.create(params, {"idempotency_key": key})
            if run.status == "pending":
                run = v1.reporting.report_runs.retrieve(run.id)
            if run.status != "succeeded":
                raise NotYet(f"report run {run.id} is {run.status}")
            answer = requests.get(run.result.url, headers={"Authorization": f"Bearer {self._key}"}, timeout=TIMEOUT_S)
            answer.raise_for_status()
            return answer.content

        return self._ask("statement.fetch", fetch)

    def signature_of(self, *, headers: Mapping[str, str], query: Mapping[str, str]) -> str:
        """Return the header that Stripe signs with."""
        return headers.get("Stripe-Signature", "")

    def read_event(self, payload: bytes, *, signature: str, now: datetime) -> ProviderEvent:
        """Verify a webhook against each of our secrets, five minutes either way. Raises BadSignature."""
        if not is_signed(payload, signature, secrets=self._secrets, now=now):
            raise BadSignature("no secret of ours signed this")
        return self.parse_event(payload, arrived_at=now)

    def parse_event(self, payload: bytes, *, arrived_at: datetime) -> ProviderEvent:
        """Read a kept webhook again."""
        try:
            return read.event(payload)
        except read.Unreadable as error:
            raise BadSignature(str(error)) from error

    def list_events(
        self, kinds: Sequence[str], *, since: datetime, until: datetime
    ) -> Outcome[list[tuple[ProviderEvent, bytes]]]:
        """List Stripe's events, which it keeps for 30 days."""
        window = {"created": {"gte": int(since.timestamp()), "lt": int(until.timestamp())}, "limit": 100}
        groups = [list(kinds[start : start + _KINDS_AT_ONCE]) for start in range(0, len(kinds), _KINDS_AT_ONCE)]

        def fetch(_: Any) -> list[tuple[ProviderEvent, bytes]]:
            listed = [found for group in groups for found in pages(self._client, "/v1/events", types=group, **window)]
            bodies = [json.dumps(found).encode() for found in listed]
            return [(read.event(body), body) for body in bodies]

        return self._ask("event.list", fetch)

    def _checkout(self, psp_ref: str) -> CheckoutFacts:
        found = self._get(_SESSIONS, psp_ref, expand=_EXPAND)
        charge = read.charge_of(found)
        released = self._listed_refunds(charge["id"], "balance_transaction") if charge and in_part(charge) else ()
        return read.checkout(found, released=released)

    def _get(self, kind: str, psp_ref: str, **params: Any) -> dict[str, Any]:
        return raw(self._client, "get", _path(kind, psp_ref), **params)

    def _ask(self, op: str, send: Callable[[Any], T]) -> Outcome[T]:
        """Make one call, unless the provider has not answered for a while, and turn what happens into an outcome."""
        return kept(self.name, op, lambda: self._shield.around(lambda: self._answer(op, send)))

    def _answer(self, op: str, send: Callable[[Any], T]) -> Outcome[T]:
        try:
            with as_outcome():
                return Succeeded(psp.call(op, lambda: send(cast(Any, self._client.v1))))
        except Answered as answered:
            if isinstance(answered.outcome, Unknown):
                logger.warning("%s: outcome unknown (%s)", op, answered.outcome.reason)
            return answered.outcome


def _path(kind: str, psp_ref: str) -> str:
    return f"{kind}/{quote(psp_ref, safe='')}"


def make(settings: Any) -> StripeGateway:
    """Return the gateway that the settings describe."""
    return _cached(
        settings.STRIPE_API_KEY,
        settings.STRIPE_API_BASE,
        tuple(settings.STRIPE_WEBHOOK_SECRETS),
        tuple(settings.STRIPE_SETTLEMENT_CURRENCIES),
        (settings.PSP_BREAKER_FAILURES, settings.PSP_BREAKER_REST_S, settings.PSP_CALLS_AT_ONCE),
    )


_Configuration = tuple[str, str, tuple[str, ...], tuple[str, ...], tuple[int, int, int]]
_made: dict[_Configuration, StripeGateway] = {}


def _cached(*configuration: Any) -> StripeGateway:
    """Keep one client, with its open connections and what it knows of the provider's health, per configuration."""
    found = _made.get(configuration)
    if found is None:
        key, base, secrets, settled_in, (failures, rest_s, at_once) = configuration
        shield = Shield(name="stripe", failures=failures, rest_s=rest_s, at_once=at_once)
        told: dict[str, Any] = {"webhook_secrets": list(secrets), "settled_in": list(settled_in), "shield": shield}
        found = StripeGateway(api_key=key, api_base=base, **told)
        _made[configuration] = found
    return found
