"""What a payment provider must be able to do for us, and what it may answer.

A gateway receives values, never models, and never raises for what a provider can do to us: it answers
`Succeeded`, `Declined` (a definite no) or `Unknown` (a timeout, a 5xx, garbage: it may or may not have happened).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from ledger.money import Money
from payments.gateway.abilities import Abilities, Limits
from payments.gateway.money_out import Account, AccountRequest, Transfer, TransferRequest
from payments.gateway.settlements import Settlement

T = TypeVar("T")


@dataclass(frozen=True)
class Succeeded(Generic[T]):
    """The provider said yes, and this is what it said."""

    value: T


@dataclass(frozen=True, kw_only=True)
class Declined:
    """The provider definitely did not do it. `missing` says that it knows no such object."""

    code: str
    message: str
    missing: bool = False


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """Nobody can say yet whether the provider did it.

    `sent` is false where it was not even asked, because it has not answered for a while. `heard` says that it did
    answer, only not yet what was asked: it is up.
    """

    reason: str
    retry_after_s: int | None = None
    sent: bool = True
    heard: bool = False


Outcome = Succeeded[T] | Declined | Unknown


@dataclass(frozen=True, kw_only=True)
class CheckoutLine:
    """One line of the hosted page: whose goods, how much."""

    name: str
    amount_minor: int


@dataclass(frozen=True, kw_only=True)
class CheckoutRequest:
    """What is registered for the hosted page. Stored frozen, as JSON, before it is sent."""

    reference: str
    currency: str
    lines: list[CheckoutLine]
    success_url: str
    cancel_url: str
    expires_at: int
    email: str = ""
    embedded: bool = False
    metadata: dict[str, str] = field(default_factory=dict)
    # Whether the money is taken when the buyer pays ("automatic") or only reserved then ("manual").
    capture_method: str = "automatic"

    def frozen(self) -> dict[str, Any]:
        """Return the request as JSON values."""
        return asdict(self)

    @classmethod
    def thaw(cls, frozen: dict[str, Any]) -> "CheckoutRequest":
        """Return the request that was frozen."""
        return cls(**{**frozen, "lines": [CheckoutLine(**line) for line in frozen["lines"]]})


class CheckoutStatus(StrEnum):
    """Where a registered checkout stands at the provider."""

    OPEN = "open"
    PROCESSING = "processing"
    REQUIRES_ACTION = "requires_action"
    IN_REVIEW = "in_review"
    AUTHORIZED = "authorized"
    PAID = "paid"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELED = "canceled"
    # Taken, and given back by the provider itself, whose review refused it.
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class CheckoutFacts:
    """What the provider says of a registered checkout; the charge's facts once it is reserved or paid.

    `amount` is what the buyer was asked for, `captured` what was taken of it so far. `settlement` is of the last
    capture, and none while the provider has not said it. `lapsed` says of a canceled payment that its reservation ran
    out by itself. `several_captures` says that a part may be taken without releasing the rest.
    """

    psp_ref: str
    reference: str
    page_url: str
    status: CheckoutStatus
    amount: Money
    page_secret: str = ""
    payment_ref: str = ""
    charge_ref: str = ""
    settlement: Settlement | None = None
    paid_at: datetime | None = None
    last_error: str = ""
    captured: Money | None = None
    authorized_until: datetime | None = None
    several_captures: bool = False
    lapsed: bool = False


@dataclass(frozen=True, kw_only=True)
class CaptureRequest:
    """What is sent to take a reserved amount, or a part of it. Stored frozen.

    A capture that is not `final` leaves the rest reserved, which not every account and card allows.
    """

    payment_ref: str
    amount_minor: int
    currency: str
    final: bool = True


@dataclass(frozen=True, kw_only=True)
class RefundRequest:
    """What is sent to have a charge refunded. Stored frozen."""

    charge_ref: str
    amount_minor: int
    currency: str
    reference: str


# The code of a definite no about a refund that was canceled at a provider which does not show it any more after that.
REFUND_GONE = "refund_gone"


class RefundStatus(StrEnum):
    """Where a refund stands at the provider."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    # None at all: what was reserved and not captured is free again. It is not listed.
    RELEASED = "released"


@dataclass(frozen=True, kw_only=True)
class RefundFacts:
    """What the provider says of a refund, and how it and its failure were settled: none while it does not say."""

    psp_ref: str
    reference: str
    status: RefundStatus
    amount: Money
    created_at: datetime
    failure_reason: str = ""
    settlement: Settlement | None = None
    failure_settlement: Settlement | None = None


class DisputeStatus(StrEnum):
    """Where a dispute stands at the provider; a warning is an inquiry, an appeal a second round."""

    WARNING_NEEDS_RESPONSE = "warning_needs_response"
    WARNING_UNDER_REVIEW = "warning_under_review"
    WARNING_CLOSED = "warning_closed"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    APPEAL_NEEDS_RESPONSE = "appeal_needs_response"
    APPEAL_UNDER_REVIEW = "appeal_under_review"
    WON = "won"
    LOST = "lost"
    PREVENTED = "prevented"


@dataclass(frozen=True, kw_only=True)
class DisputeMovement:
    """Money of a dispute that moved on our balance: withdrawn (negative) or given back, and the fee for it.

    `amount` is in the currency of the dispute; the fee is in that in which the movement was settled.
    """

    psp_ref: str
    amount: Money
    fee: Money
    created_at: datetime
    settlement: Settlement | None = None


@dataclass(frozen=True, kw_only=True)
class DisputeFacts:
    """What the provider says of a dispute. The movements are in the order in which they happened."""

    psp_ref: str
    charge_ref: str
    status: DisputeStatus
    amount: Money
    reason: str
    created_at: datetime
    movements: tuple[DisputeMovement, ...] = ()
    due_by: datetime | None = None
    evidence: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class EvidenceRequest:
    """What is handed in for a dispute: texts by the provider's field names. Stored frozen.

    `final` hands it to the bank, after which nothing can be added.
    """

    dispute_ref: str
    evidence: dict[str, str]
    final: bool


@dataclass(frozen=True, kw_only=True)
class EvidenceFileRequest:
    """A file that shall be evidence. Its name is ours, and by it the file is found again."""

    name: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class ProviderEvent:
    """A webhook's message, verified: a hint about an object, not a fact."""

    psp: str
    event_id: str
    type: str
    object_id: str
    account: str
    reference: str
    created_at: datetime
    payment_ref: str = ""
    # Not to be acted on before this moment: until then more of the same may come, and be counted as one.
    act_after: datetime | None = None


class BadSignature(Exception):
    """The message was not signed by the provider, or not lately."""


class Gateway(Protocol):
    """One payment provider."""

    name: str
    # After this long the provider may forget an idempotency key: look up, never send again.
    key_life_s: int
    # Whether it says with a payment what it costs us, sooner or later.
    tells_fees: bool
    abilities: Abilities

    def resting(self) -> bool:
        """Tell whether it is left alone now, because it has not answered; of this process's knowledge only."""

    def step_of(self, currency: str) -> int:
        """Return in which steps of minor units it can be asked for amounts of a currency: nearly always 1."""

    def limits_of(self, currency: str) -> Limits:
        """Return between which amounts one payment must be; nothing is said of what only the provider knows."""

    def register_checkout(self, request: CheckoutRequest, *, key: str) -> Outcome[CheckoutFacts]:
        """Register a checkout for the hosted page."""

    def fetch_checkout(self, psp_ref: str) -> Outcome[CheckoutFacts]:
        """Ask where a registered checkout stands."""

    def find_checkout(self, reference: str, *, since: datetime) -> Outcome[CheckoutFacts | None]:
        """Look a checkout up by our own reference."""

    def expire_checkout(self, psp_ref: str, *, key: str) -> Outcome[str]:
        """Close a page that nobody paid yet; a definite no says that it is not open any more. Returns its id."""

    def capture_payment(self, request: CaptureRequest, *, key: str) -> Outcome[str]:
        """Take a reserved amount, or a part of it. Returns the payment's id; what it did shows on the object."""

    def void_payment(self, payment_ref: str, *, key: str) -> Outcome[str]:
        """Release a reserved amount. Returns the payment's id."""

    def create_refund(self, request: RefundRequest, *, key: str) -> Outcome[RefundFacts]:
        """Refund part of a charge, or all of it."""

    def fetch_refund(self, psp_ref: str, *, charge_ref: str) -> Outcome[RefundFacts]:
        """Ask where a refund stands. REFUND_GONE says that it was canceled, and is not shown any more."""

    def find_refund(self, reference: str, *, charge_ref: str) -> Outcome[RefundFacts | None]:
        """Look a refund up by our own reference."""

    def find_refunds(self, charge_ref: str) -> Outcome[list[RefundFacts]]:
        """Return the refunds of a charge, whoever made them, the oldest first."""

    def fetch_dispute(self, psp_ref: str, *, charge_ref: str = "") -> Outcome[DisputeFacts]:
        """Ask where a dispute stands, and what it moved. Its charge is named where it is known."""

    def find_disputes(self, charge_ref: str) -> Outcome[list[DisputeFacts]]:
        """Return the disputes of a charge, the oldest first."""

    def upload_evidence_file(self, request: EvidenceFileRequest, *, key: str) -> Outcome[str]:
        """Upload a file that evidence may refer to. Returns its id."""

    def find_evidence_file(self, name: str, *, since: datetime) -> Outcome[str | None]:
        """Look an uploaded file up by its name. Returns its id."""

    def submit_evidence(self, request: EvidenceRequest, *, key: str) -> Outcome[DisputeFacts]:
        """Hand in evidence for a dispute."""

    def open_account(self, request: AccountRequest, *, key: str) -> Outcome[Account]:
        """Open a seller's account."""

    def find_account(self, reference: str, *, since: datetime) -> Outcome[Account | None]:
        """Look an account up by our own reference."""

    def fetch_account(self, psp_ref: str) -> Outcome[Account]:
        """Ask what a seller's account may do."""

    def create_transfer(self, request: TransferRequest, *, key: str) -> Outcome[Transfer]:
        """Move money to a seller's account."""

    def fetch_transfer(self, psp_ref: str) -> Outcome[Transfer]:
        """Ask what became of a transfer."""

    def find_transfer(self, reference: str) -> Outcome[Transfer | None]:
        """Look a transfer up by our own reference."""

    def fetch_balances(self) -> Outcome[list[Money]]:
        """Return what the provider holds for us, available and pending together, per currency."""

    def statement_span(self) -> Outcome[tuple[datetime, datetime]]:
        """Return the earliest and the latest moment between which the provider can make a settlement report now."""

    def fetch_statement(self, *, start: datetime, end: datetime) -> Outcome[bytes]:
        """Return the provider's settlement report on an interval, as CSV; Unknown while it is being made.

        What is asked for again with the same interval is not made again.
        """

    def signature_of(self, *, headers: Mapping[str, str], query: Mapping[str, str]) -> str:
        """Return that part of a webhook's request by which it proves where it comes from."""

    def read_event(self, payload: bytes, *, signature: str, now: datetime) -> ProviderEvent:
        """Verify a webhook and return what it says. Raises BadSignature."""

    def parse_event(self, payload: bytes, *, arrived_at: datetime) -> ProviderEvent:
        """Return what a webhook says that was verified when it came. Raises BadSignature where it is unreadable."""

    def list_events(
        self, kinds: Sequence[str], *, since: datetime, until: datetime
    ) -> Outcome[list[tuple[ProviderEvent, bytes]]]:
        """Return the provider's own record of what it told of these kinds, with the bodies, over [since, until)."""
