"""`manage.py storefront`: let a shop in, or say anew what it is called and where its buyers return to."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from operations.command_line import actor_of_command
from operations.errors import DomainError
from operations.models import Storefront
from operations.services import register_storefront


class Command(BaseCommand):
    """Register a storefront, or change an existing one."""

    help = (
        "Register a storefront, a client of the API; or change the name or the return origins of one that is there: "
        "what is not said stays. Without options it says how the storefront stands. Its keys are issued by "
        "`manage.py api_key`."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("slug", help="its name in routes, the trail and here: small letters, digits, - and _")
        parser.add_argument("--name", help="what people call it (needed for a new one)")
        parser.add_argument(
            "--return-origin",
            action="append",
            metavar="ORIGIN",
            help="where a buyer may be sent back to, such as https://shop.example; repeat it for several, all of them",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Register or change, and say how it stands."""
        slug, name, origins = options["slug"], options["name"], options["return_origin"]
        found = Storefront.objects.filter(pk=slug).first()
        if found is None and name is None:
            raise CommandError(f"{slug} is not registered yet: say its --name.")
        if found is None or name is not None or origins is not None:
            found = self._register(
                slug=slug,
                name=name if name is not None or found is None else found.name,
                return_origins=origins if origins is not None else found.return_origins if found else [],
            )
        there = ", ".join(found.return_origins)
        returns = f"buyers may return to {there}" if there else "buyers are not sent back"
        self.stdout.write(f"{found.slug} is registered: {found.name}; {returns}.")

    def _register(self, **facts: Any) -> Storefront:
        try:
            return register_storefront(**facts, actor=actor_of_command(), now=timezone.now())
        except DomainError as error:
            raise CommandError(str(error)) from error
