"""The Celery app: a crank for the jobs table, and a clock for the schedule.

A message carries the ids of a few rows and nothing else. Late acknowledgement and the short visibility timeout only
make a lost hint come back sooner; that work is never lost is the table's and the sweeper's doing.
"""

import os
import sys
from typing import Any

from celery import Celery, signals
from celery.schedules import crontab
from django.conf import settings
from django.db import close_old_connections

from operations.database import close_ended_connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("counterfoil")
app.conf.update(
    broker_url=settings.BROKER_URL,
    broker_connection_retry_on_startup=True,
    # After so many tries worker and scheduler would end, after some 47 minutes, and nobody would start them again.
    broker_connection_max_retries=None,
    broker_transport_options=(
        {
            # Without a socket timeout a publish can hang for ever on a dead broker.
            "socket_timeout": 5,
            "socket_connect_timeout": 2,
            "visibility_timeout": 60,
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
        }
        if settings.BROKER_URL.startswith("redis")
        else {}
    ),
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=False,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    task_serializer="json",
    accept_content=["json"],
    timezone="UTC",
    beat_schedule={
        "sweep due jobs": {"task": "operations.sweep", "schedule": 5.0},
        "watch over figures": {"task": "operations.review_alerts", "schedule": 120.0},
        "release what is due": {"task": "payouts.release_due", "schedule": 60.0},
        "find lost webhooks": {"task": "payments.sync_events", "schedule": 300.0},
        "compare two days of webhooks": {
            "task": "payments.sync_events",
            "schedule": crontab(hour=3, minute=40),
            "kwargs": {"nightly": True},
        },
        "ask after sellers' accounts": {
            "task": "payments.look_after_accounts",
            "schedule": crontab(hour=2, minute=20),
        },
        "tidy up payments": {"task": "payments.tidy_up", "schedule": 300.0},
        "seal the journal": {"task": "ledger.seal", "schedule": 60.0},
        "prove what is new": {"task": "ledger.verify_books", "schedule": 3600.0},
        "prove everything": {
            "task": "ledger.verify_books",
            "schedule": crontab(hour=4, minute=40),
            "kwargs": {"full": True},
        },
        "forget idempotency keys": {"task": "operations.forget_keys", "schedule": crontab(hour=3, minute=20)},
        "forget full buckets": {"task": "operations.forget_buckets", "schedule": 3600.0},
        "forget ignored events": {"task": "payments.forget_ignored_events", "schedule": crontab(hour=3, minute=25)},
        "make partitions": {"task": "ledger.make_partitions", "schedule": crontab(hour=3, minute=10)},
        "export the head": {"task": "ledger.export_head", "schedule": crontab(hour=4, minute=50)},
    },
)
# Celery closes the database's connection before and after each task. Connecting, and planning everything anew on an
# empty cache, cost more than the task: it shall close none, and Django's rule for requests hold, which closes those
# that are broken or too old.
app.conf["CELERY_DB_REUSE_MAX"] = sys.maxsize


@signals.task_prerun.connect
@signals.task_postrun.connect
def _close_old_connections(**_: Any) -> None:
    close_old_connections()
    close_ended_connections()


app.autodiscover_tasks()
