"""Is this process alive, and is it ready to take traffic?"""

from datetime import datetime, timedelta

from django.db import OperationalError
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from ledger.selectors import latest_proof
from operations.selectors import queue_health, stopped_switches

# Due work that has waited longer means that nobody is doing it.
STALLED_AFTER = timedelta(minutes=2)
# New entries are proved every hour. An older verdict, be it green, says that the proof does not run.
PROOF_OVERDUE_AFTER = timedelta(hours=2)


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


def proof_is_overdue(*, ran_at: datetime, now: datetime) -> bool:
    """Tell whether the last proof of the books is so old that the next one should have run."""
    return now - ran_at > PROOF_OVERDUE_AFTER
