"""Whose payment an id belongs to: one of ours, the storefront's, the provider's, or one that the books know."""

from collections.abc import Iterator

from django.db.models import Q

from ledger.selectors import subjects_booked_as
from operations.switchboard import UnknownKind
from payments.errors import UnknownPayment
from payments.gateway import ProviderEvent, provider
from payments.gateway.base import BadSignature
from payments.models import Checkout, StorefrontEvent, WebhookEvent

# Where an id of ours or of the provider's may stand, as seen from the checkout.
_ROWS = (
    "pk",
    "orders__pk",
    "attempts__pk",
    "attempts__instructions__pk",
    "attempts__surplus__pk",
    "orders__refunds__pk",
    "disputes__pk",
    "disputes__evidence__pk",
    "disputes__files__pk",
    "attempts__psp_ref",
    "attempts__payment_ref",
    "attempts__charge_ref",
    "attempts__surplus__charge_ref",
    "attempts__surplus__psp_ref",
    "orders__refunds__psp_ref",
    "disputes__psp_ref",
    "disputes__files__psp_ref",
)
# A storefront may call its things whatever it likes, so these come last.
_SHOPS = ("checkout_id", "orders__payment_order_id")
# No checkout has more attempts than their number can count.
_DIGITS = 5


def checkout_of(*, any_id: str) -> Checkout:
    """Return the checkout to which an id belongs, the unmistakable tried first. Raises UnknownPayment."""
    if any_id and _can_be_stored(any_id):
        for found in _candidates(any_id):
            if found is not None:
                return found
    raise UnknownPayment(payment_id=any_id)


def said_by(row: WebhookEvent) -> ProviderEvent | None:
    """Return what a kept event says; None where nobody here can read it any more."""
    try:
        return provider(row.psp).parse_event(row.payload.encode(), arrived_at=row.received_at)
    except (BadSignature, UnknownKind):
        return None


def _candidates(any_id: str) -> Iterator[Checkout | None]:
    yield _by(_ROWS, any_id)
    yield _by_reference(any_id)
    yield from _by_told(any_id)
    yield from _by_booked(any_id)
    yield from _by_message(any_id)
    yield _by(_SHOPS, any_id)


def _by(places: tuple[str, ...], wanted: str) -> Checkout | None:
    for place in places:
        found = Checkout.objects.filter(**{place: wanted}).order_by("-pk").first()
        if found is not None:
            return found
    return None


def _by_reference(reference: str) -> Checkout | None:
    """Look for an attempt by what the provider calls it after us: the checkout, and from the second on its number."""
    checkout, _, number = reference.partition(":")
    if not number.isdecimal() or len(number) > _DIGITS:
        return None
    return Checkout.objects.filter(pk=checkout, attempts__number=int(number)).first()


def _by_told(any_id: str) -> Iterator[Checkout | None]:
    """Look for what the provider told under an id, or of it: a refund or a review may be known by its payment only."""
    for wanted in (Q(event_id=any_id), Q(object_id=any_id)):
        row = WebhookEvent.objects.filter(wanted).order_by("-pk").first()
        if row is None:
            continue
        said = said_by(row)
        for ref in (row.object_id, *((said.reference, said.payment_ref) if said else ())):
            if ref and _can_be_stored(ref):
                yield _by(_ROWS, ref)
                yield _by_reference(ref)


def _by_booked(reference: str) -> Iterator[Checkout | None]:
    for subject in subjects_booked_as(reference=reference):
        yield _by(_ROWS, subject.partition(":")[2])


def _by_message(any_id: str) -> Iterator[Checkout | None]:
    """Look for a message to the storefront, by its own id or that of its delivery."""
    for message in StorefrontEvent.objects.filter(Q(pk=any_id) | Q(deliveries__pk=any_id))[:1]:
        about = message.payload.get("data", {}).get("checkout_id", "")
        yield Checkout.objects.filter(storefront=message.storefront_id, checkout_id=about).first()


def _can_be_stored(text: str) -> bool:
    """Tell whether a text can be in the database at all: PostgreSQL has no NUL, UTF-8 no half characters."""
    return not any(sign == "\x00" or "\ud800" <= sign <= "\udfff" for sign in text)
