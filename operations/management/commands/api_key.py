"""`manage.py api_key`: a key for a storefront, shown this once."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from operations.command_line import actor_of_command
from operations.errors import DomainError
from operations.services import issue_api_key


class Command(BaseCommand):
    """Issue an API key."""

    help = (
        "Issue an API key to a storefront and print it, this once: only its digest is kept. Earlier keys go on "
        "working until they are revoked in the console (API keys)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("storefront", help="the slug of a registered storefront")
        parser.add_argument("--label", required=True, help="who holds it, by which people tell keys apart")

    def handle(self, *args: Any, **options: Any) -> None:
        """Issue the key; nothing but the key is printed, so that it may go into a file."""
        try:
            key = issue_api_key(
                slug=options["storefront"],
                label=options["label"],
                actor=actor_of_command(),
                now=timezone.now(),
            )
        except DomainError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(key)
