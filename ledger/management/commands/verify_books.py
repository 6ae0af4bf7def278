"""`manage.py verify_books`: the one proof, by hand."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from ledger.services import HeadFileBroken, Verdict, read_heads, verify_books
from operations.command_line import actor_of_command


class Command(BaseCommand):
    """Prove the books."""

    help = "Prove the books: exit 0 when they are right; 1, with every finding, when not (payouts are then stopped)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--json", action="store_true", help="print the verdict as one JSON object")
        parser.add_argument(
            "--new", action="store_true", help="prove only what was not sealed when the last green proof ran"
        )
        parser.add_argument(
            "--heads",
            metavar="FILE",
            type=Path,
            help="heads of the chain, as exported daily (CHAIN_HEADS_FILE): each must still be one of its links",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the verdict."""
        try:
            heads = read_heads(path=options["heads"]) if options["heads"] else []
        except (HeadFileBroken, OSError) as error:
            raise CommandError(str(error)) from error
        verdict = verify_books(actor=actor_of_command(), now=timezone.now(), full=not options["new"], heads=heads)
        self.stdout.write(_as_json(verdict) if options["json"] else _as_text(verdict))
        if not verdict.green:
            raise SystemExit(1)


def _as_json(verdict: Verdict) -> str:
    facts = {
        "proved": verdict.green,
        "full": verdict.full,
        "entries": verdict.entries,
        "duration_ms": verdict.duration_ms,
        "findings": [vars(finding) for finding in verdict.findings],
    }
    return json.dumps(facts, default=str)


def _as_text(verdict: Verdict) -> str:
    found = [f"{finding.problem}: {finding.row}" for finding in verdict.findings]
    word = "proved" if verdict.green else "NOT proved; payouts are stopped"
    scope = "entries" if verdict.full else "new entries"
    return "\n".join([*found, f"The books are {word}: {verdict.entries} {scope} in {verdict.duration_ms} ms."])
