"""`manage.py reconcile`: the nightly comparison with the provider."""

from argparse import ArgumentParser
from datetime import datetime
from time import sleep
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from operations.command_line import actor_of_command
from operations.services import DomainError
from reconciliation.models import Statement
from reconciliation.selectors import open_discrepancies, open_statements, unexplained_minor
from reconciliation.services import StatementNotReady, fetch_statement, match_statement

_ASK_AGAIN_S = 15


class Command(BaseCommand):
    """Fetch the provider's statement since the last one and match everything that is open."""

    help = "Fetch the provider's statement and match it, and match again what waits. Exit 1 if anything is unexplained."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--no-fetch", action="store_true", help="only match what is here already")
        parser.add_argument(
            "--wait",
            type=int,
            default=900,
            metavar="SECONDS",
            help="how long to wait for a statement in the making (900)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Reconcile and print the result."""
        now = timezone.now()
        try:
            statement = None if options["no_fetch"] else _fetched(now, wait_s=options["wait"])
            for pk in open_statements():
                match_statement(statement=pk, now=now)
        except DomainError as error:
            raise CommandError(str(error)) from error
        fetched = f"{statement.line_count} new lines" if statement else "no new lines"
        unexplained, discrepancies = unexplained_minor(now=now), open_discrepancies()
        self.stdout.write(f"{fetched}; open discrepancies: {discrepancies}; unexplained: {unexplained} minor units.")
        if unexplained:
            raise SystemExit(1)


def _fetched(now: datetime, *, wait_s: int) -> Statement | None:
    """Fetch the statement up to now; while the provider makes it, ask for the same one again."""
    for left in range(wait_s, 0, -_ASK_AGAIN_S):
        try:
            return fetch_statement(actor=actor_of_command(), now=now)
        except StatementNotReady:
            sleep(min(left, _ASK_AGAIN_S))
    return fetch_statement(actor=actor_of_command(), now=now)
