"""`manage.py dev`: everything in one terminal."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from config.embedded.family import Options, run_family


class Command(BaseCommand):
    """Run the whole family: embedded PostgreSQL and broker, provider, worker, scheduler and web."""

    help = "Run database, broker, provider, worker, scheduler and web in one terminal; Ctrl-C stops them all."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--port", type=int, help="web port (default: the variable PORT, else 8000)")
        parser.add_argument(
            "--then",
            metavar="COMMAND",
            help="run this manage.py command once all is ready, then stop with its exit code",
        )
        parser.add_argument("--play", action="store_true", help="play a day of trade once all is ready")
        parser.add_argument("--quiet", action="store_true", help="keep the children's lines in their log files")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until Ctrl-C, or until the command of --then ends, and exit with its code."""
        chosen = Options(port=options["port"], then=options["then"], play=options["play"], quiet=options["quiet"])
        sys.exit(run_family(chosen))
