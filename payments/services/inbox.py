"""The inbox: verify, keep, acknowledge; meaning comes later, from the object itself.

What the provider told is kept once per event id, whether it came as a webhook or was found in the provider's own list
of events. An event whose object is not known here yet is parked and tried again, never answered and forgotten.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet

from operations import switchboard
from operations.edges import money_tx, note
from operations.errors import DomainError
from operations.prepared import ask_prepared, prepared
from operations.rows import prepared_query
from operations.services import TryLater, enqueue, record_audit, requeue
from operations.texts import require_fit
from payments.errors import NotKnownYet
from payments.gateway import Declined, ProviderEvent, Unknown, provider
from payments.models import EventListing, WebhookEvent
from payments.models.webhooks import WebhookSource, WebhookState

# The kind of note by which an event counts as handled (WRITTEN_ALONG).
HANDLED = "payments.event_handled"
# A webhook that is only late is no gap: what happened this recently is left for the next listing.
_ON_THE_WAY = timedelta(minutes=1)
# Each listing looks this far behind the one before, because the provider's list is not instantly complete; what takes
# longer still is the nightly listing's.
_OVERLAP = timedelta(minutes=2)
# So much of a list is held at a time: two days of it would be too much.
_SLICE = timedelta(hours=1)
# Without a listing before it, one looks back as far as this.
_FIRST = timedelta(days=1)
# Stripe lists its events for so long: what happened before, nobody can compare any more.
LISTED_FOR = timedelta(days=30)
# How many ignored events one transaction deletes.
FORGOTTEN_AT_ONCE = 1000


class NotReplayable(DomainError):
    """The event {event_id} is {state}: {why}."""

    code = "event_not_replayable"


class ListingFailed(DomainError):
    """The provider's events could not be listed: {reason}"""

    code = "event_listing_failed"
    retryable = True


@dataclass(frozen=True, kw_only=True)
class Gap:
    """An event that the provider has and we had not."""

    event_id: str
    type: str
    object_id: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What a comparison with the provider's list of events found, over [since, until)."""

    since: datetime
    until: datetime
    listed: int
    gaps: tuple[Gap, ...]


def receive_event(*, psp: str, payload: bytes, signature: str, now: datetime) -> bool:
    """Verify and keep one webhook; returns False where it was kept before. Raises BadSignature.

    An event of a kind that nothing depends on is kept too, but no work is made of it; nor of what a seller's own
    account did by itself.
    """
    event = provider(psp).read_event(payload, signature=signature, now=now)
    return _keep(psp, event, payload, source=WebhookSource.WEBHOOK, now=now)


def handle_event(*, webhook: int, now: datetime) -> None:
    """Act on a kept event through the switchboard, and mark it handled only then (a job).

    Raises TryLater, with the event parked, while its object is not known here or the provider does not tell.
    """
    [row] = _event(webhook)
    if row.state not in (WebhookState.RECEIVED, WebhookState.PARKED):
        return
    event = provider(row.psp).parse_event(row.payload.encode(), arrived_at=row.received_at)
    try:
        switchboard.answerer("PSP_EVENTS", row.type)(event=event, now=now)
    except (TryLater, NotKnownYet) as error:
        with money_tx("webhooks.parked"):
            WebhookEvent.objects.filter(pk=webhook, state=row.state).update(
                state=WebhookState.PARKED, waiting_for=str(error)[:500]
            )
        if isinstance(error, NotKnownYet):
            raise TryLater(reason=str(error)) from error
        raise
    # Written with the end of the job: should neither be, the job acts on it once more.
    note(HANDLED, (webhook, now))


def write_handled(*, facts: Sequence[tuple[int, datetime]]) -> None:
    """Mark events as handled, in the open transaction."""
    for webhook, at in facts:
        ask_prepared(prepared("payments", "handled_event"), [webhook, at])


def replay_event(*, webhook: int, actor: str, reason: str, now: datetime) -> None:
    """Act on a kept event once more, with a reason. Harmless: the object is fetched, and facts are booked once.

    Raises NotReplayable for a kind that nothing depends on, and TextRefused.
    """
    require_fit(reason=reason)
    with money_tx("webhooks.replay"):
        row = WebhookEvent.objects.select_for_update().get(pk=webhook)
        if row.type not in switchboard.table("PSP_EVENTS"):
            raise NotReplayable(event_id=row.event_id, state=row.state, why=f"nothing here depends on {row.type}")
        row.state, row.handled_at, row.waiting_for = WebhookState.RECEIVED, None, ""
        row.save(update_fields=["state", "handled_at", "waiting_for"])
        requeue(kind="payments.handle_event", key=_key(row.psp, row.event_id), args={"webhook": row.pk}, run_at=now)
        record_audit(
            action="payments.event.replayed", actor=actor, subject=f"event:{row.event_id}", now=now, reason=reason
        )


def compare_events(
    *, psp: str, since: datetime, until: datetime, actor: str, now: datetime, dry_run: bool = False
) -> Listing:
    """Compare our inbox with the provider's own list of events, and take in what is missing.

    Only kinds on which something here depends count. Taken in, a missing event is worked on like a webhook. The
    listing itself is kept. With `dry_run` nothing is. It begins no earlier than the provider's list does. Raises
    ListingFailed; what was found before that is kept.
    """
    kinds, listed, gaps = _kinds(psp), 0, list[Gap]()
    since = max(since, now - LISTED_FOR)
    start = since
    while start < until:
        end = min(until, start + _SLICE)
        told = _listed(psp, kinds, since=start, until=end)
        missing = _missing(psp, told)
        listed += len(told)
        gaps += [
            Gap(event_id=event.event_id, type=event.type, object_id=event.object_id, created_at=event.created_at)
            for event, _ in missing
        ]
        for event, payload in [] if dry_run else missing:
            _keep(psp, event, payload, source=WebhookSource.LISTING, now=now)
        start = end
    if not dry_run:
        with money_tx("webhooks.listed"):
            EventListing.objects.create(
                psp=psp, since=since, until=until, listed=listed, missing=len(gaps), actor=actor, ran_at=now
            )
    return Listing(since=since, until=until, listed=listed, gaps=tuple(gaps))


def sync_events(*, psp: str, actor: str, now: datetime, back: timedelta | None = None) -> Listing:
    """Compare from where nobody has looked yet, or from `back` before now. Raises ListingFailed."""
    until = now - _ON_THE_WAY
    if back is None:
        seen = _seen_until(psp, now=now)
        back = until - (seen - _OVERLAP if seen else until - _FIRST)
    return compare_events(psp=psp, since=until - back, until=until, actor=actor, now=now)


def _seen_until(psp: str, *, now: datetime) -> datetime | None:
    """Return up to where listings follow one another without a gap; None where there was none yet.

    One that began later, such as one of two days after an outage of four, has not seen what was before it. Nor has one
    that somebody asked for up to a moment yet to come seen what happens until then. One that was made later than now
    was made by a clock that ran ahead: whatever its span says, it had seen none of it.
    """
    kept = now - LISTED_FOR
    listings = EventListing.objects.filter(psp=psp, ran_at__lte=now)
    seen = kept if listings.filter(until__lte=kept).exists() else None
    for since, until, ran_at in (
        listings.filter(until__gt=kept).order_by("since").values_list("since", "until", "ran_at")
    ):
        if seen is not None and since > seen:
            break
        end = min(until, ran_at)
        seen = max(seen, end) if seen else end
    return seen


def forget_ignored_events(*, now: datetime) -> int:
    """Delete what nothing here depended on, once its life is over; return how many they were."""
    past = WebhookEvent.objects.filter(state=WebhookState.IGNORED, received_at__lt=now - settings.IGNORED_EVENT_LIFE)
    forgotten, deleted = 0, None
    while deleted != 0:
        with money_tx("webhooks.forget"):
            some = list(past.order_by("received_at").values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE])
            # Asked again of each: somebody may have it acted on by now.
            deleted, _ = past.filter(pk__in=some).delete()
        forgotten += deleted
    return forgotten


@prepared_query
def _event(webhook: int) -> QuerySet[WebhookEvent]:
    return WebhookEvent.objects.filter(pk=webhook)


def _keep(psp: str, event: ProviderEvent, payload: bytes, *, source: WebhookSource, now: datetime) -> bool:
    told = [psp, event.event_id, event.type, event.object_id, event.account, event.payment_ref, payload.decode()]
    if event.type not in switchboard.table("PSP_EVENTS") or _is_a_sellers_own(event):
        return bool(ask_prepared(prepared("payments", "keep_ignored_event"), [*told, source, event.created_at, now]))
    with money_tx("webhooks.receive"):
        kept = ask_prepared(prepared("payments", "keep_event"), [*told, source, event.created_at, now])
        for (row,) in kept:
            args = {"webhook": int(row or 0)}
            run_at = max(now, event.act_after or now)
            enqueue(kind="payments.handle_event", key=_key(psp, event.event_id), args=args, run_at=run_at)
    return bool(kept)


def _is_a_sellers_own(event: ProviderEvent) -> bool:
    """Tell whether it happened at a seller's account, where sellers may sell by themselves: none of that is ours.

    Its objects are not shown to us, and whatever of ours it names, it names because the seller wrote it there.
    """
    return bool(event.account) and not event.type.startswith("account.")


def _kinds(psp: str) -> list[str]:
    """Return the kinds of event on which something here depends; those named after a provider are that one's own."""
    others = {f"{name}." for name in switchboard.table("GATEWAYS") if name != psp}
    return sorted(kind for kind in switchboard.table("PSP_EVENTS") if not kind.startswith(tuple(others)))


def _listed(psp: str, kinds: Sequence[str], *, since: datetime, until: datetime) -> list[tuple[ProviderEvent, bytes]]:
    outcome = provider(psp).list_events(kinds, since=since, until=until)
    if isinstance(outcome, Unknown | Declined):
        reason = outcome.reason if isinstance(outcome, Unknown) else outcome.message
        raise ListingFailed(reason=reason)
    return outcome.value


def _missing(psp: str, told: Sequence[tuple[ProviderEvent, bytes]]) -> list[tuple[ProviderEvent, bytes]]:
    """Return what is not in the inbox, in the order in which it happened."""
    ids = [event.event_id for event, _ in told]
    here = set(WebhookEvent.objects.filter(psp=psp, event_id__in=ids).values_list("event_id", flat=True))
    return sorted(
        ((event, payload) for event, payload in told if event.event_id not in here),
        key=lambda pair: pair[0].created_at,
    )


def _key(psp: str, event_id: str) -> str:
    return f"{psp}:{event_id}"
