"""`manage.py verify_books`: the one proof, by hand."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from ledger.services import verify_books


class Command(BaseCommand):
    """Prove the books."""

    help = "Prove the books: exit 0 when they are right; 1, with every finding, when not (payouts are then stopped)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--json", action="store_true", help="print the verdict as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the verdict."""
        verdict = verify_books(actor="system:command", now=timezone.now())
        if options["json"]:
            findings = [vars(finding) for finding in verdict.findings]
            self.stdout.write(
                json.dumps({"proved": verdict.green, "entries": verdict.entries, "findings": findings}, default=str)
            )
        else:
            for finding in verdict.findings:
                self.stdout.write(f"{finding.problem}: {finding.row}")
            word = "proved" if verdict.green else "NOT proved; payouts are stopped"
            self.stdout.write(f"The books are {word}: {verdict.entries} entries in {verdict.duration_ms} ms.")
        if not verdict.green:
            raise SystemExit(1)
