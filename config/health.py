"""Is this process alive, and is it ready to take traffic?"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import OperationalError
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache

from ledger.selectors import latest_proof
from operations.selectors import queue_health, stopped_switches
from operations.services import read_alerts
from payments.selectors import acceptance, configured_providers, provider_health

# Due work that has waited longer means that nobody is doing it.
STALLED_AFTER = timedelta(minutes=2)
# New entries are proved every hour. An older verdict, be it green, says that the proof does not run.
PROOF_OVERDUE_AFTER = timedelta(hours=2)
DAY = timedelta(days=1)


@never_cache
def alive(request: HttpRequest) -> JsonResponse:
    """Answer 200 while the process can answer at all."""
    return JsonResponse({"status": "alive"})


@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """Answer 200 when the database answers; say how the queue, the books and the switches are."""
    try:
        now = timezone.now()
        queue = queue_health(now=now)
        proof = latest_proof()
        stopped = stopped_switches()
    except OperationalError:
        return JsonResponse({"status": "no database"}, status=503)
    body = {
        "status": "ready",
        "jobs": {
            "due": queue.due,
            "dead": queue.dead,
            "oldest_due_age_s": int(queue.oldest_due_age.total_seconds()),
            "stalled": queue.oldest_due_age > STALLED_AFTER,
        },
        "books": {
            "proved": proof.green,
            "at": proof.ran_at.isoformat(),
            "overdue": proof_is_overdue(ran_at=proof.ran_at, now=now),
        }
        if proof
        else None,
        "stopped": stopped,
    }
    return JsonResponse(body)


@never_cache
def status(request: HttpRequest) -> JsonResponse:
    """Tell operators how everything does: who is signed in to the console, or a monitor that has STATUS_TOKEN.

    Always 200 while the database answers: a provider that is down is no reason to take us out of service as well.
    """
    if not _may_see_status(request):
        return JsonResponse({"status": "not for everybody"}, status=401, headers={"WWW-Authenticate": "Bearer"})
    try:
        now = timezone.now()
        body = _status(now)
    except OperationalError:
        return JsonResponse({"status": "no database"}, status=503)
    return JsonResponse(body)


def _may_see_status(request: HttpRequest) -> bool:
    told, token = request.headers.get("Authorization", ""), settings.STATUS_TOKEN
    if token and constant_time_compare(told, f"Bearer {token}"):
        return True
    return request.user.is_active and request.user.has_perm("payments.view_providercall")


def _status(now: datetime) -> dict[str, Any]:
    alerts = [alert.facts() for alert in read_alerts(now=now)]
    return {
        "status": "look" if any(alert["wrong"] or alert["since"] for alert in alerts) else "well",
        "at": now.isoformat(),
        "alerts": alerts,
        "providers": [one.facts() for one in provider_health(psps=configured_providers(), now=now)],
        "acceptance_24h": [one.facts() for one in acceptance(since=now - DAY, until=now, by=("psp", "currency"))],
    }


def proof_is_overdue(*, ran_at: datetime, now: datetime) -> bool:
    """Tell whether the last proof of the books is so old that the next one should have run."""
    return now - ran_at > PROOF_OVERDUE_AFTER
