"""The figures of money in that are held against thresholds (`ALERTS` in config/wiring.py)."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Q

from operations.counts import format_count
from operations.selectors import jobs_tried
from operations.services import Reading
from payments.figures import Acceptance, ProviderHealth, acceptance, provider_health
from payments.models import Attempt, CallOutcome, EventListing, ProviderCall
from payments.selectors import configured_providers
from payments.services.attempt_rows import UNSENT
from payments.states import AttemptState, OrderState

HOUR, WEEK = timedelta(hours=1), timedelta(days=7)
# How many attempts of each hour stand for the week: read every two minutes, it must not cost what the week's trade is.
SAMPLE = 100
# One list that could not be had is no matter: the next is asked for in five minutes.
FEW_LISTS = 3


def orders_in_flight(*, now: datetime) -> list[Reading]:
    """How long the oldest payment waits that should have gone on: for an outcome, or for its page to be closed."""
    patience = timedelta(minutes=settings.ALERT_ORDER_MINUTES)
    # A cart that a person reviews waits for that person, and a buyer who has paid for the bank.
    waiting = Attempt.objects.filter(state__in=UNSENT).exclude(checkout__orders__state=OrderState.IN_REVIEW)
    over = Q(state=AttemptState.PENDING, processing_since=None)
    oldest = waiting.order_by("state_since").first()
    closing = Attempt.objects.filter(over, checkout__expires_at__lt=now - patience).select_related("checkout")
    late = closing.order_by("checkout__expires_at").first()
    since = min(
        ([oldest.state_since] if oldest else []) + ([late.checkout.expires_at] if late else []),
        default=now,
    )
    minutes = int((now - since).total_seconds()) // 60
    about = late if late and since == late.checkout.expires_at else oldest
    named = f": {about.checkout_id}" if about else ""
    return [
        Reading(
            subject="orders:in_flight",
            wrong=now - since > patience,
            figure=f"{minutes} min",
            threshold=f"{settings.ALERT_ORDER_MINUTES} min",
            text=f"the oldest payment that should have gone on has waited for {minutes} min{named}",
        )
    ]


def acceptance_fell(*, now: datetime) -> list[Reading]:
    """How the last hour's share of accepted attempts compares with the week before it, provider by provider."""
    week = {one.psp: one for one in acceptance(since=now - HOUR - WEEK, until=now - HOUR, by=("psp",), sample=SAMPLE)}
    hour = {one.psp: one for one in acceptance(since=now - HOUR, until=now, by=("psp",))}
    return [_fell(psp, hour.get(psp), week.get(psp)) for psp in sorted({*configured_providers(), *hour})]


def providers_unanswered(*, now: datetime) -> list[Reading]:
    """Which share of the calls of the last quarter of an hour each provider left without an answer.

    What a breaker kept back counts: one call in many goes out then to find out, and beside those that were answered
    before, these few would say for most of a quarter of an hour that all is well.
    """
    return [_unanswered(one) for one in provider_health(psps=configured_providers(), now=now)]


def _unanswered(one: ProviderHealth) -> Reading:
    limit, least = settings.ALERT_UNANSWERED_PERCENT, settings.ALERT_UNANSWERED_LEAST
    without, wanted = one.unanswered + one.not_sent, one.calls + one.not_sent
    alone = f", and was left alone with {one.not_sent} more" if one.not_sent else ""
    return Reading(
        subject=f"psp:{one.psp}",
        wrong=wanted >= least and one.unanswered_percent >= limit,
        figure=f"{without} of {format_count(wanted, 'call')}",
        threshold=f"{limit}% of {least} or more",
        text=f"{one.psp} left {one.unanswered} of {format_count(one.calls, 'call')} unanswered in 15 min{alone}",
    )


def webhooks_parked(*, now: datetime) -> list[Reading]:
    """How many events of providers wait for something that is not known here."""
    count, most = jobs_tried(kind="payments.handle_event"), settings.ALERT_WEBHOOKS_PARKED
    return [
        Reading(
            subject="webhooks:parked",
            wrong=count >= most,
            figure=str(count),
            threshold=str(most),
            text=format_count(
                count, "event of a provider was tried and waits", "events of providers were tried and wait"
            )
            + " for something that is not known here",
        )
    ]


def webhooks_missed(*, now: datetime) -> list[Reading]:
    """How many webhooks of the last hour never came, and were found in a provider's own list; or that none was had."""
    most = settings.ALERT_WEBHOOKS_MISSED
    found = EventListing.objects.filter(until__gt=now - HOUR, ran_at__lte=now).values_list("psp", "missing")
    missed = dict.fromkeys(configured_providers(), 0)
    for psp, missing in found:
        missed[psp] = missed.get(psp, 0) + missing
    blind = _not_listed(now=now)
    return [
        Reading(
            subject=f"psp:{psp}",
            wrong=count >= most or psp in blind,
            figure="not known" if psp in blind else str(count),
            threshold=str(most),
            text=f"{psp} does not list its events, for an hour: lost webhooks are not found"
            if psp in blind
            else f"{format_count(count, 'webhook')} of {psp} did not come in the last hour, and "
            f"{'was' if count == 1 else 'were'} found in its own list",
        )
        for psp, count in sorted(missed.items())
    ]


def _not_listed(*, now: datetime) -> set[str]:
    """Return the providers of which no list of events was had for an hour, though it was asked for."""
    had = EventListing.objects.filter(ran_at__gt=now - HOUR, ran_at__lte=now).values_list("psp", flat=True)
    silent = {*configured_providers()} - {*had}
    if not silent:
        return set()
    lately = ProviderCall.objects.filter(psp__in=silent, op="event.list", sent_at__gt=now - HOUR, sent_at__lte=now)
    refused = lately.exclude(outcome=CallOutcome.SUCCEEDED).values("psp").annotate(tries=Count("pk"))
    return {one["psp"] for one in refused if one["tries"] >= FEW_LISTS}


def _fell(psp: str, hour: Acceptance | None, week: Acceptance | None) -> Reading:
    drop, least = settings.ALERT_ACCEPTANCE_DROP, settings.ALERT_ACCEPTANCE_LEAST
    known = hour is not None and week is not None and hour.tried >= least and week.tried >= least
    now_bps = (hour.rate_bps if hour else None) or 0
    before_bps = (week.rate_bps if week else None) or 0
    figure = f"{now_bps // 100}% of {hour.tried}" if hour and hour.tried else "nothing tried"
    return Reading(
        subject=f"psp:{psp}",
        wrong=known and before_bps - now_bps >= drop * 100,
        figure=figure,
        threshold=f"{format_count(drop, 'point')} below {before_bps // 100}%, of {least} or more",
        text=f"{psp} accepted {figure} in the last hour, after {before_bps // 100}% in the week before",
    )
