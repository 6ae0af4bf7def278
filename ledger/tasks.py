"""What the books do by themselves: prove, seal, make room, and tell the outside how far they are."""

from typing import Any

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from ledger import services


@shared_task(name="ledger.verify_books", ignore_result=True)
def verify_books(*, full: bool = False, **_: Any) -> None:
    """Prove what is new, or everything; a red verdict stops payouts."""
    services.verify_books(actor="system:schedule", now=timezone.now(), full=full)


@shared_task(name="ledger.seal", ignore_result=True)
def seal(**_: Any) -> None:
    """Seal what is final."""
    services.seal_journal(now=timezone.now())


@shared_task(name="ledger.make_partitions", ignore_result=True)
def make_partitions(**_: Any) -> None:
    """Make the partitions of the months ahead."""
    services.make_partitions(today=timezone.now().date())


@shared_task(name="ledger.export_head", ignore_result=True)
def export_head(**_: Any) -> None:
    """Put the head of the chain where no owner of the database can change it."""
    services.export_head(path=settings.CHAIN_HEADS_FILE)
