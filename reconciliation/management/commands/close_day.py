"""`manage.py close_day`: lock a business day."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from operations.command_line import actor_of_command
from operations.services import DomainError
from reconciliation.services import checklist, close_day


class Command(BaseCommand):
    """Check the list and close a business day for good."""

    help = "Close a business day: the checklist must be green; then nothing can be booked into that day any more."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("date", type=date.fromisoformat, help="the day to close, such as 2026-11-22")
        parser.add_argument("--dry-run", action="store_true", help="show the checklist only")

    def handle(self, *args: Any, **options: Any) -> None:
        """Show the checklist, and close."""
        now, actor = timezone.now(), actor_of_command()
        for item in checklist(business_date=options["date"], actor=actor, now=now):
            self.stdout.write(f"[{'x' if item.green else ' '}] {item.name}: {item.detail}")
        if options["dry_run"]:
            return
        try:
            digest = close_day(business_date=options["date"], actor=actor, now=now)
        except DomainError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{options['date']} is closed. Journal digest: {digest}")
