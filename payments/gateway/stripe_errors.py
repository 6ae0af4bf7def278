"""What the SDK's errors mean: a definite no, or that nobody can say yet."""

from collections.abc import Iterator
from contextlib import contextmanager

import requests
import stripe

from payments.gateway import stripe_objects as read
from payments.gateway.base import Declined, Unknown
from payments.gateway.currencies import NotRepresentable
from payments.gateway.stripe_releases import NotYet
from payments.gateway.timed import told_to_wait

# Another request holds the key or the object; and a key that came before with other parameters. Nothing is decided by
# either, but somebody is there. The SDK has no class of its own for the first.
_CONFLICT = 409
_ANSWERED = (400, _CONFLICT)


class Answered(Exception):
    """What came of a call that did not succeed."""

    def __init__(self, outcome: Declined | Unknown) -> None:
        self.outcome = outcome


@contextmanager
def as_outcome() -> Iterator[None]:
    """Classify the SDK's errors. Only a 4xx that says what is wrong with the request is a definite no."""
    try:
        yield
    except (stripe.InvalidRequestError, stripe.CardError) as error:
        raise Answered(
            Declined(code=error.code or "invalid_request", message=str(error), missing=error.http_status == 404)
        ) from error
    except stripe.RateLimitError as error:
        wait_s = _told_to_wait(error) or 1
        raise Answered(Unknown(reason="rate limited", retry_after_s=wait_s, heard=True)) from error
    except NotYet as error:
        raise Answered(Unknown(reason=str(error), heard=True)) from error
    except NotRepresentable as error:
        # Raised before anything was sent.
        raise Answered(Declined(code="not_representable", message=str(error))) from error
    except (stripe.StripeError, requests.RequestException, UnicodeDecodeError) as error:
        reason = f"{type(error).__name__}: {error}"[:300]
        status = getattr(error, "http_status", None)
        told_s = _told_to_wait(error) or (1 if status == _CONFLICT else None)
        raise Answered(Unknown(reason=reason, retry_after_s=told_s, heard=status in _ANSWERED)) from error
    except read.Unreadable as error:
        raise Answered(Unknown(reason=f"unreadable answer: {error}"[:300])) from error


def _told_to_wait(error: Exception) -> int | None:
    return told_to_wait(getattr(error, "headers", None) or {})
