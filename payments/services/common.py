"""What the verbs of money in share: what may be asked for, how long to wait for it, when to stop repeating."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from ledger.money import Money
from operations.services import TryLater
from payments.errors import AmountNotRepresentable, AmountTooLarge, AmountTooSmall, ProviderUnclear
from payments.gateway import REFUND_GONE, Declined, Gateway, Unknown

# How old an accepted refund is at least that may be taken for canceled because it is not shown any more.
GONE_AFTER = timedelta(hours=1)


def try_later(outcome: Unknown) -> TryLater:
    """Return the job's way to say: the provider did not tell, ask again."""
    return TryLater(reason=outcome.reason, after_s=outcome.retry_after_s)


def require_representable(amount: Money, gateway: Gateway, *, field: str) -> None:
    """Raise AmountNotRepresentable, naming the request's field, for an amount that the provider cannot be told."""
    step = gateway.step_of(amount.currency)
    if amount.minor % step:
        raise AmountNotRepresentable(
            psp=gateway.name,
            currency=amount.currency,
            step=Money(step, amount.currency).text,
            amount=amount.text,
            parameter=field,
        )


def require_charged(amounts: Sequence[Money], gateway: Gateway) -> None:
    """Raise AmountTooSmall or AmountTooLarge, naming the request's field, for a cart that is not charged."""
    total = sum(amounts[1:], start=amounts[0])
    limits = gateway.limits_of(total.currency)
    if limits.least is not None and total.minor < limits.least.minor:
        raise AmountTooSmall(
            psp=gateway.name, limit=limits.least, amount=total.text, parameter=field_of_total(len(amounts))
        )
    if limits.most is not None and total.minor > limits.most.minor:
        beyond = [place for place, amount in enumerate(amounts) if amount.minor > limits.most.minor]
        field = f"payment_orders[{beyond[0]}].amount" if beyond else field_of_total(len(amounts))
        raise AmountTooLarge(psp=gateway.name, limit=limits.most, amount=total.text, parameter=field)


def field_of_total(orders: int) -> str:
    """Return the request's field that the sum of so many orders stands in: the one amount, or all orders."""
    return "payment_orders[0].amount" if orders == 1 else "payment_orders"


def require_awake(gateway: Gateway) -> None:
    """Raise TryLater while a provider is left alone anyway: what is not sent has no key that could grow too old."""
    if gateway.resting():
        raise TryLater(reason=f"{gateway.name} does not answer")


def key_alive(gateway: Gateway, sent_at: datetime | None, now: datetime) -> bool:
    """Tell whether a request may be sent again under its key: the provider still remembers the first one."""
    return sent_at is None or now - sent_at < timedelta(seconds=gateway.key_life_s)


def surely_gone(outcome: Declined, *, sent_at: datetime | None, now: datetime) -> bool:
    """Tell whether a refund that was accepted is canceled, as the provider does not show it any more.

    Not of a young one, which may not show everywhere yet: given up, it could be made a second time.
    """
    return outcome.code == REFUND_GONE and sent_at is not None and now - sent_at >= GONE_AFTER


def require_key_alive(gateway: Gateway, *, what: str, sent_at: datetime | None, now: datetime) -> None:
    """Raise ProviderUnclear, which a person must decide, once a key is too old to be sent again."""
    if not key_alive(gateway, sent_at, now):
        raise ProviderUnclear(what=what, sent_at=sent_at)
