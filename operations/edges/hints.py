"""Wake-up hints over the broker. The table is the queue: a lost hint costs seconds, never work."""

import logging
from functools import partial

from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu.exceptions import KombuError, OperationalError

from operations.failpoints import hit

logger = logging.getLogger(__name__)


def hint(task: str, *, row_id: int) -> None:
    """Tell a worker, after the open transaction commits, that a row is due. A broker that is down is only logged."""
    if settings.HINTS_ENABLED:
        transaction.on_commit(partial(_publish, task, row_id), robust=True)


def _publish(task: str, row_id: int) -> None:
    hit(f"hint:{task}:before")
    try:
        current_app.send_task(task, kwargs={"row_id": row_id}, ignore_result=True, retry=False)
    except (OSError, OperationalError, KombuError) as error:
        logger.warning("hint for %s %s was not published (%s); the sweeper will find it", task, row_id, error)
    hit(f"hint:{task}:after")
