"""`manage.py import_statement`: a settlement file, taken in whole or refused by line."""

from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from operations.command_line import actor_of_command
from operations.services import DomainError
from reconciliation.services import StatementUnreadable, import_statement, match_statement


class Command(BaseCommand):
    """Import a statement file and match it."""

    help = "Import a provider's settlement file and match it with the books. A file with any error is refused whole."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--format", default="stripe_activity_csv", help="default: stripe_activity_csv")
        parser.add_argument("--start", type=_instant, required=True, help="interval, from: 2026-11-22T00:00:00Z")
        parser.add_argument("--end", type=_instant, required=True, help="interval, to (exclusive)")
        parser.add_argument("--dry-run", action="store_true", help="read and check only")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import, match and print how the lines ended."""
        now = timezone.now()
        try:
            content = options["file"].read_bytes()
            statement = import_statement(
                content=content,
                format=options["format"],
                interval_start=options["start"],
                interval_end=options["end"],
                actor=actor_of_command(),
                now=now,
                dry_run=options["dry_run"],
            )
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from error
        except StatementUnreadable as error:
            raise CommandError("Nothing was imported.\n" + "\n".join(str(each) for each in error.errors)) from error
        except DomainError as error:
            raise CommandError(str(error)) from error
        if statement is None:
            self.stdout.write("The file is good; nothing was imported.")
            return
        result = match_statement(statement=statement.pk, now=now)
        self.stdout.write(f"Statement {statement.pk}: {statement.line_count} lines.")
        for kind, lines in sorted(result.lines.items()):
            self.stdout.write(f"  {kind}: {lines}")
        self.stdout.write(f"Open discrepancies: {result.open_discrepancies}.")


def _instant(text: str) -> datetime:
    found = parse_datetime(text)
    if found is None or found.tzinfo is None:
        raise ValueError("write an instant with its offset, such as 2026-11-22T00:00:00Z")
    return found
