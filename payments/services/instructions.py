"""What a storefront, or time, has us tell the provider about a payment that it has: capture, release, close.

Three beats each: the instruction is stored with its frozen request and key; it is sent with no transaction open; and
whatever was answered, the provider's object is fetched, because it alone says what happened.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger.money import CurrencyMismatch, Money
from operations import idempotency
from operations.edges import money_tx
from operations.errors import DomainError
from operations.lifecycle import move
from operations.services import TryLater, ask_person, require_running
from payments.errors import UnknownPayment
from payments.gateway import CaptureRequest, Declined, Gateway, Outcome, Succeeded, Unknown, provider
from payments.models import Attempt, Checkout, Instruction, PaymentOrder
from payments.models.instructions import InstructionKind, Purpose
from payments.services.attempt_rows import TAKE_OVER_AFTER, UNSENT
from payments.services.attempts import ASK_ON_AFTER_S, register
from payments.services.captures import sync_attempt
from payments.services.checkouts import CheckoutResult, NewOrder, sellers_of, store_orders, wish_for
from payments.services.common import key_alive, require_awake, require_representable, try_later
from payments.services.instructed import ALIVE, UNCLEAR, alive, failed, instruct, rest_is_left
from payments.services.risk import call_off_review
from payments.services.routing import require_able
from payments.states import AttemptState, InstructionState, OrderState


class NotCapturable(DomainError):
    """The payment {payment_id!r} is {state}: only what is reserved can be captured."""

    code = "not_capturable"


class CaptureExceedsAuthorized(DomainError):
    """A capture of {amount} is more than the {left} that is still reserved for {payment_id!r}."""

    code = "capture_exceeds_authorized"


class RestNotKept(DomainError):
    """The provider {psp} keeps no rest reserved: {payment_id!r} can be captured once, and for good."""

    code = "rest_not_kept"


class NotCancelable(DomainError):
    """The payment {payment_id!r} is {state}: it cannot be called off, and at most be refunded once it is paid."""

    code = "not_cancelable"


class NotReplaceable(DomainError):
    """The payment {payment_id!r} is {state}: only a cart whose page is open can be replaced."""

    code = "not_replaceable"


class OutcomeUnknown(DomainError):
    """What became of the last request about the payment {payment_id!r} is not known yet: nothing new before it is."""

    code = "outcome_unknown"
    retryable = True


class InstructionRefused(DomainError):
    """The provider did not do it: {message}"""

    code = "instruction_refused"


@dataclass(frozen=True, kw_only=True)
class Part:
    """How much is captured of one payment order."""

    payment_order_id: str
    amount: Money


def capture_payment(
    *,
    storefront: str,
    checkout_id: str,
    parts: Sequence[Part],
    final: bool,
    key: str,
    fingerprint: str,
    actor: str,
    now: datetime,
) -> CheckoutResult:
    """Take what is reserved for a checkout: all that is left, or these parts of its orders.

    A final capture releases the rest. The same key again is the same capture. Raises UnknownPayment, NotCapturable,
    RestNotKept, CaptureExceedsAuthorized, CurrencyMismatch, AmountNotRepresentable, OutcomeUnknown, InstructionRefused,
    KeyReused, RequestInProgress.
    """
    with money_tx("captures.intend"):
        claim = idempotency.claim(scope=f"storefront:{storefront}", key=key, fingerprint=fingerprint, now=now)
        if claim.fresh:
            attempt = _latest(storefront, checkout_id)
            if attempt.state != AttemptState.AUTHORIZED:
                raise NotCapturable(payment_id=checkout_id, state=attempt.state)
            if not final and not provider(attempt.psp).abilities.keeps_rest:
                raise RestNotKept(psp=attempt.psp, payment_id=checkout_id, parameter="final_capture")
            made = instruct(
                attempt,
                kind=InstructionKind.CAPTURE,
                purpose=Purpose.CAPTURE,
                parts=_minor_by_order(attempt, parts),
                final=final,
                actor=actor,
                now=now,
                run_at=now + TAKE_OVER_AFTER,
            )
            idempotency.bind(key_id=claim.key_id, subject=made.pk)
    return _finish(claim, made.pk if claim.fresh else claim.subject, actor=actor, now=now)


def cancel_payment(
    *, storefront: str, checkout_id: str, key: str, fingerprint: str, actor: str, now: datetime
) -> CheckoutResult:
    """Call a payment off: its page is closed at the provider first, or what is reserved released, and then here.

    What a person of ours still looks at has no page: it is called off here alone, and that question is withdrawn.
    Raises UnknownPayment, NotCancelable, OutcomeUnknown, InstructionRefused, KeyReused, RequestInProgress.
    """
    with money_tx("cancels.intend"):
        claim = idempotency.claim(scope=f"storefront:{storefront}", key=key, fingerprint=fingerprint, now=now)
        reviewed = _called_off_in_review(claim, storefront, checkout_id, actor=actor, now=now)
        if claim.fresh and not reviewed:
            attempt = _latest(storefront, checkout_id)
            done = _buyer_is_done(attempt)
            if done or attempt.state not in (AttemptState.PENDING, AttemptState.AUTHORIZED):
                raise NotCancelable(payment_id=checkout_id, state=done or attempt.state)
            reserved = attempt.state == AttemptState.AUTHORIZED
            made = instruct(
                attempt,
                kind=InstructionKind.VOID if reserved else InstructionKind.CLOSE,
                purpose=Purpose.CANCEL,
                actor=actor,
                now=now,
                run_at=now + TAKE_OVER_AFTER,
            )
            idempotency.bind(key_id=claim.key_id, subject=made.pk)
    if reviewed:
        return _checkout_result(claim, reviewed)
    return _finish(claim, made.pk if claim.fresh else claim.subject, actor=actor, now=now)


def replace_cart(
    *,
    storefront: str,
    checkout_id: str,
    orders: list[NewOrder],
    key: str,
    fingerprint: str,
    actor: str,
    now: datetime,
) -> CheckoutResult:
    """Replace the orders of a checkout whose page is open: the old page is surely closed before there is a new one.

    The new orders have ids of their own. Until the provider confirms that the old page is closed, the old cart
    counts, and when the buyer was faster it is what was paid. Raises UnknownPayment, UnknownSeller, OrderExists,
    NotReplaceable, OutcomeUnknown, CurrencyMismatch, NoProvider, AmountNotRepresentable, AmountTooSmall,
    AmountTooLarge, InstructionRefused, KeyReused, RequestInProgress, Stopped.
    """
    with money_tx("carts.intend"):
        claim = idempotency.claim(scope=f"storefront:{storefront}", key=key, fingerprint=fingerprint, now=now)
        if claim.fresh:
            require_running("checkout")
            attempt = _latest(storefront, checkout_id)
            done = _buyer_is_done(attempt)
            if done or attempt.state != AttemptState.PENDING:
                raise NotReplaceable(payment_id=checkout_id, state=done or attempt.state)
            made = _replace(attempt, orders, actor=actor, now=now)
            idempotency.bind(key_id=claim.key_id, subject=made.pk)
    return _finish(claim, made.pk if claim.fresh else claim.subject, actor=actor, now=now)


def carry_out(*, instruction: str, now: datetime) -> None:
    """Send an instruction, or find out what became of it (a job). Raises TryLater.

    What the provider does not tell for longer than it remembers our key is asked of a person too.
    """
    found = Instruction.objects.select_related("attempt").get(pk=instruction)
    if found.state not in ALIVE:
        return
    gateway = provider(found.attempt.psp, about=f"instruction:{found.pk}")
    if found.sent_at is not None:
        if _shown(found, now=now):
            return
        if not key_alive(gateway, found.sent_at, now):
            if _rest_released(gateway, found) and _shown(found, now=now):
                return
            _ask(found, now=now)
            raise TryLater(reason="too old to be sent again, and the provider does not show it", after_s=ASK_ON_AFTER_S)
    with money_tx("instructions.claim"):
        claimed = Instruction.objects.select_for_update().get(pk=instruction)
        if claimed.state not in ALIVE:
            return
        if claimed.sent_at is None:
            require_awake(gateway)
        move(claimed, "send", actor="system:jobs", now=now, sent_at=claimed.sent_at or now)
    outcome = _send(gateway, found)
    if isinstance(outcome, Unknown):
        if outcome.sent:
            _lose_sight(instruction, outcome.reason, now=now)
        raise try_later(outcome)
    if _shown(found, now=now):
        return
    if not isinstance(outcome, Declined):
        # Ever later: what a bank has to do first may take hours.
        raise TryLater(reason="accepted, and not yet shown")
    with money_tx("instructions.refused"):
        refused = Instruction.objects.select_for_update(of=("self",)).select_related("attempt").get(pk=instruction)
        if refused.state in ALIVE:
            failed(refused, code=outcome.code, message=outcome.message, now=now)


def expire_checkout(*, checkout: str, actor: str, now: datetime) -> bool:
    """Have the page of a checkout closed whose time is over; the orders follow when the provider confirms it.

    Returns False where there is no open page, or something else is under way.
    """
    with money_tx("checkouts.expire"):
        attempt = Attempt.objects.select_for_update().filter(checkout=checkout, state=AttemptState.PENDING).first()
        if attempt is None or alive(attempt) is not None:
            return False
        instruct(attempt, kind=InstructionKind.CLOSE, purpose=Purpose.EXPIRE, actor=actor, now=now)
    return True


def _latest(storefront: str, checkout_id: str) -> Attempt:
    """Return, locked, the attempt that a checkout waits for. Raises UnknownPayment, OutcomeUnknown."""
    checkout = Checkout.objects.select_for_update().filter(storefront=storefront, checkout_id=checkout_id).first()
    if checkout is None:
        raise UnknownPayment(payment_id=checkout_id)
    attempt = Attempt.objects.select_for_update().filter(checkout=checkout).order_by("-number").first()
    if attempt is None or attempt.state in UNSENT or alive(attempt) is not None:
        raise OutcomeUnknown(payment_id=checkout_id)
    return attempt


def _buyer_is_done(attempt: Attempt) -> str:
    """Return in what a payment is whose page the buyer has left for good, though it is not paid; otherwise nothing."""
    if attempt.state != AttemptState.PENDING:
        return ""
    if attempt.processing_since is not None:
        return "with the buyer's bank"
    mine = PaymentOrder.objects.filter(checkout=attempt.checkout_id, cart=attempt.cart, state=OrderState.IN_REVIEW)
    return "in review" if mine.exists() else ""


def _minor_by_order(attempt: Attempt, parts: Sequence[Part]) -> dict[str, int]:
    """Return what to capture of each order, in minor units, by our own ids."""
    mine = PaymentOrder.objects.select_for_update().filter(checkout=attempt.checkout_id, cart=attempt.cart)
    orders = {order.payment_order_id: order for order in mine.order_by("pk")}
    wanted = parts or [
        Part(payment_order_id=name, amount=order.amount - order.captured) for name, order in orders.items()
    ]
    gateway = provider(attempt.psp)
    found: dict[str, int] = {}
    for place, part in enumerate(wanted):
        order = orders.get(part.payment_order_id)
        if order is None:
            named = f"payment_orders[{place}].payment_order_id"
            raise UnknownPayment(payment_id=part.payment_order_id, parameter=named)
        _require_currency(order.currency, part.amount, place=place)
        left = order.amount - order.captured
        if (left - part.amount).minor < 0:
            raise CaptureExceedsAuthorized(
                amount=str(part.amount),
                left=str(left),
                payment_id=part.payment_order_id,
                parameter=f"payment_orders[{place}].amount",
            )
        # Each part, not only their sum: so what is left of an order can always be captured, and refunded.
        require_representable(part.amount, gateway, field=f"payment_orders[{place}].amount")
        found[order.id] = part.amount.minor
    taken = {order: minor for order, minor in found.items() if minor}
    if not taken:
        raise NotCapturable(payment_id=attempt.checkout.checkout_id, state="captured whole already")
    return taken


def _require_currency(currency: str, amount: Money, *, place: int) -> None:
    """Raise CurrencyMismatch, naming the request's field, for an amount in another currency."""
    if amount.currency != currency:
        raise CurrencyMismatch(left=currency, right=amount.currency, parameter=f"payment_orders[{place}].currency")


def _replace(attempt: Attempt, orders: list[NewOrder], *, actor: str, now: datetime) -> Instruction:
    checkout = Checkout.objects.get(pk=attempt.checkout_id)
    for place, order in enumerate(orders):
        _require_currency(checkout.currency, order.amount, place=place)
    # Its page is made where the old one is: a provider is chosen for a checkout, not for each of its carts.
    wish = wish_for(checkout.storefront_id, orders, capture_method=checkout.capture_method)
    require_able(attempt.psp, wish)
    sellers = sellers_of(checkout.storefront_id, [order.seller_account for order in orders])
    # Orders of an earlier replacement that was called off belong to no cart any more.
    PaymentOrder.objects.filter(checkout=checkout, cart=attempt.cart + 1, state="CANCELED").update(cart=0)
    store_orders(checkout, orders, sellers, cart=attempt.cart + 1, now=now)
    return instruct(
        attempt,
        kind=InstructionKind.CLOSE,
        purpose=Purpose.REPLACE,
        actor=actor,
        now=now,
        run_at=now + TAKE_OVER_AFTER,
    )


def _called_off_in_review(
    claim: idempotency.Claim, storefront: str, checkout_id: str, *, actor: str, now: datetime
) -> str:
    """Call off what a person looks at, or find that this key did; returns the checkout, or nothing where it is neither.

    Until that is known the checkout is not locked: whoever decides takes it after the question.
    """
    checkout = Checkout.objects.filter(storefront=storefront, checkout_id=checkout_id).first()
    if checkout is None:
        return ""
    if claim.fresh and call_off_review(checkout=checkout.pk, actor=actor, now=now):
        idempotency.bind(key_id=claim.key_id, subject=checkout.pk)
        return checkout.pk
    return checkout.pk if claim.subject == checkout.pk else ""


def _checkout_result(claim: idempotency.Claim, checkout: str) -> CheckoutResult:
    return CheckoutResult(
        checkout=checkout,
        key_id=claim.key_id,
        answered_status=claim.response_status,
        answered_body=claim.response_body,
    )


def _finish(claim: idempotency.Claim, instruction: str, *, actor: str, now: datetime) -> CheckoutResult:
    """Carry out what was stored, as far as it goes now; a job goes on with the rest."""
    found = Instruction.objects.select_related("attempt").get(pk=instruction)
    checkout = found.attempt.checkout_id
    if claim.answered:
        return _checkout_result(claim, checkout)
    try:
        carry_out(instruction=instruction, now=now)
        following = Attempt.objects.filter(checkout=checkout, state__in=UNSENT).select_related("checkout").first()
        if found.purpose == Purpose.REPLACE and following is not None:
            register(following, actor=actor, now=now)
    except TryLater:
        return CheckoutResult(checkout=checkout, key_id=claim.key_id)
    found.refresh_from_db()
    if found.state == InstructionState.FAILED:
        with money_tx("instructions.let_go"):
            idempotency.end(key_id=claim.key_id)
        raise InstructionRefused(message=found.last_error)
    return CheckoutResult(checkout=checkout, key_id=claim.key_id)


def _shown(found: Instruction, *, now: datetime) -> bool:
    """Fetch the provider's object and take it over; tell whether it ended the instruction."""
    sync_attempt(attempt=found.attempt_id, now=now, poll=False)
    return not Instruction.objects.filter(pk=found.pk, state__in=ALIVE).exists()


def _send(gateway: Gateway, found: Instruction) -> Outcome[str]:
    match found.kind:
        case InstructionKind.CAPTURE:
            return gateway.capture_payment(CaptureRequest(**found.params), key=found.psp_key)
        case InstructionKind.VOID:
            return gateway.void_payment(str(found.params["payment_ref"]), key=found.psp_key)
        case _:
            return gateway.expire_checkout(str(found.params["psp_ref"]), key=found.psp_key)


def _rest_released(gateway: Gateway, found: Instruction) -> bool:
    """Have the rest released of a capture for good that was done after its key had been forgotten."""
    if not rest_is_left(found):
        return False
    outcome = gateway.void_payment(str(found.params["payment_ref"]), key=f"{found.psp_key}:rest")
    return isinstance(outcome, Succeeded)


def _lose_sight(instruction: str, reason: str, *, now: datetime) -> None:
    with money_tx("instructions.lose_sight"):
        found = Instruction.objects.select_for_update().get(pk=instruction)
        if found.state == InstructionState.SENDING:
            move(found, "lose_sight", actor="system:jobs", now=now, reason=reason, last_error=reason)


def _ask(found: Instruction, *, now: datetime) -> None:
    subject = f"checkout:{found.attempt.checkout_id}"
    reason = f"the {found.kind} of attempt {found.attempt.number} was sent at {found.sent_at}, without any outcome"
    with money_tx("instructions.ask_person"):
        ask_person(kind=UNCLEAR, subject=subject, reason=reason, waits_for="operator", now=now)
