"""A provider on paper, in this process: it does what it is told at once, and knows what it holds for us."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ledger.money import Money
from payments.gateway import (
    Abilities,
    CaptureRequest,
    CheckoutFacts,
    CheckoutRequest,
    CheckoutStatus,
    DisputeFacts,
    DisputeMovement,
    DisputeStatus,
    RefundFacts,
    RefundRequest,
    RefundStatus,
    Settlement,
    Succeeded,
)
from payments.gateway.abilities import STRIPE_CURRENCIES, Limits

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
CHARGE, FEE_MINOR, DISPUTE_FEE_MINOR = "ch_paper", 7, 15
_OVER = (DisputeStatus.WON, DisputeStatus.LOST)


@dataclass
class Claim:
    """A dispute on paper: its movements in minor units, and where it stands."""

    amount: int
    movements: list[int]
    status: DisputeStatus = DisputeStatus.NEEDS_RESPONSE

    @property
    def withdrawn(self) -> int:
        """Return what is withdrawn of it by now."""
        return -sum(self.movements)


@dataclass
class Paper:
    """One charge and all that happens to it."""

    name: str = "paper"
    key_life_s: int = 3600
    tells_fees: bool = False
    abilities: Abilities = field(
        default=Abilities(currencies=STRIPE_CURRENCIES, embedded_page=True, manual_capture=True, keeps_rest=True)
    )
    request: CheckoutRequest | None = None
    captures: list[int] = field(default_factory=list)
    closed: bool = False
    refunds: dict[str, tuple[str, int, RefundStatus]] = field(default_factory=dict)
    claims: list[Claim] = field(default_factory=list)
    paid_out: int = 0

    def limits_of(self, currency: str) -> Limits:
        """Return none: it charges whatever it is asked for."""
        return Limits()

    @property
    def currency(self) -> str:
        """Return the charge's currency."""
        assert self.request is not None
        return self.request.currency

    @property
    def held(self) -> int:
        """Return what it holds for us, in minor units."""
        returned = sum(amount for _, amount, status in self.refunds.values() if status is RefundStatus.SUCCEEDED)
        withdrawals = sum(movement < 0 for claim in self.claims for movement in claim.movements)
        costs = FEE_MINOR * len(self.captures) + DISPUTE_FEE_MINOR * withdrawals
        return sum(self.captures) - returned - sum(claim.withdrawn for claim in self.claims) - costs - self.paid_out

    def money(self, minor: int) -> Money:
        """Return an amount in the charge's currency."""
        return Money(minor, self.currency)

    # What a gateway is asked.

    def resting(self) -> bool:
        """Tell that it is there."""
        return False

    def step_of(self, currency: str) -> int:
        """Return the steps in which it takes amounts: three decimals are one too many."""
        return 10 if currency == "KWD" else 1

    def register_checkout(self, request: CheckoutRequest, *, key: str) -> Succeeded[CheckoutFacts]:
        """Take the request, and the buyer's money with it."""
        self.request = request
        if request.capture_method == "automatic":
            self.captures.append(sum(line.amount_minor for line in request.lines))
            self.closed = True
        return Succeeded(self._facts(CheckoutStatus.OPEN))

    def fetch_checkout(self, psp_ref: str) -> Succeeded[CheckoutFacts]:
        """Say what was captured."""
        return Succeeded(self._facts(CheckoutStatus.PAID if self.closed else CheckoutStatus.AUTHORIZED))

    def capture_payment(self, request: CaptureRequest, *, key: str) -> Succeeded[str]:
        """Take a part, and release the rest where it is final."""
        self.captures.append(request.amount_minor)
        assert self.request is not None
        whole = sum(line.amount_minor for line in self.request.lines)
        self.closed = request.final or sum(self.captures) == whole
        return Succeeded(request.payment_ref)

    def create_refund(self, request: RefundRequest, *, key: str) -> Succeeded[RefundFacts]:
        """Accept a refund; it ends when it is told to."""
        ref = f"re_{len(self.refunds)}"
        self.refunds[ref] = (request.reference, request.amount_minor, RefundStatus.PENDING)
        return self.fetch_refund(ref, charge_ref=CHARGE)

    def fetch_refund(self, psp_ref: str, *, charge_ref: str) -> Succeeded[RefundFacts]:
        """Say where a refund stands."""
        reference, minor, status = self.refunds[psp_ref]
        amount = self.money(minor)
        return Succeeded(
            RefundFacts(psp_ref=psp_ref, reference=reference, status=status, amount=amount, created_at=NOON)
        )

    def fetch_dispute(self, psp_ref: str, *, charge_ref: str) -> Succeeded[DisputeFacts]:
        """Say where a dispute stands."""
        claim = self.claims[int(psp_ref.removeprefix("du_"))]
        movements = tuple(
            DisputeMovement(
                psp_ref=f"{psp_ref}.{number}",
                amount=self.money(minor),
                fee=self.money(DISPUTE_FEE_MINOR if minor < 0 else 0),
                created_at=NOON,
            )
            for number, minor in enumerate(claim.movements)
        )
        amount = self.money(claim.amount)
        return Succeeded(
            DisputeFacts(
                psp_ref=psp_ref,
                charge_ref=CHARGE,
                status=claim.status,
                amount=amount,
                reason="fraudulent",
                created_at=NOON,
                movements=movements,
            )
        )

    def _facts(self, status: CheckoutStatus) -> CheckoutFacts:
        assert self.request is not None
        whole = self.money(sum(line.amount_minor for line in self.request.lines))
        last = self.captures[-1] if self.captures else 0
        settled = Settlement(
            psp_ref=f"txn_{len(self.captures)}", amount=self.money(last), fee=self.money(FEE_MINOR), at=NOON
        )
        return CheckoutFacts(
            psp_ref="cs_paper",
            reference=self.request.reference,
            page_url="https://pay.example/paper",
            status=status,
            amount=whole,
            payment_ref="pi_paper",
            charge_ref=CHARGE,
            settlement=settled if self.captures else None,
            paid_at=NOON,
            captured=self.money(sum(self.captures)),
            several_captures=True,
        )


class Sheet:
    """The paper that counts now: a test begins with a new one."""

    now = Paper()


def make(settings: Any) -> Paper:
    """Return the gateway."""
    return Sheet.now


def over(claim: Claim) -> bool:
    """Tell whether a dispute is decided."""
    return claim.status in _OVER
