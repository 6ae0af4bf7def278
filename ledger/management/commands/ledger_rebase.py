"""`manage.py ledger_rebase`: after a dump was restored into another cluster."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from ledger.services import rebase_transaction_numbers


class Command(BaseCommand):
    """Let transaction numbers go on where the restored books stopped."""

    help = (
        "After a logical restore (pg_dump, pg_restore) into another cluster, where PostgreSQL counts transactions "
        "from a lower number: move the books' offset, so that numbers go on above the highest in the journal. "
        "Needs the owner of the tables. Does nothing where numbers are ahead, so it is safe to repeat; "
        "a physical backup never needs it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the offset."""
        old, new = rebase_transaction_numbers(dry_run=options["dry_run"])
        if old == new:
            self.stdout.write(f"Transaction numbers are ahead of the books; the offset stays {old}.")
        else:
            verb = "would move" if options["dry_run"] else "moved"
            self.stdout.write(f"The offset of transaction numbers {verb} from {old} to {new}.")
