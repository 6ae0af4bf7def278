"""`manage.py seed`: what must be there before the first request."""

from argparse import ArgumentParser
from typing import Any, TextIO, cast

from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import Group, User
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from config.demo.storefronts import DEMO, REPLAY, ensure
from config.demo_logins import PEOPLE, DemoPerson
from config.roles import write_roles
from operations.selectors import switch_names
from operations.services import release_switch
from operations.switches import CHECKOUT, PAYOUTS, REFUNDS

ACTOR = "system:seed"
STOREFRONTS = (DEMO, REPLAY)


class Command(BaseCommand):
    """Write roles and stop switches; outside production also people, storefronts and keys to try things with."""

    help = "Write roles and stop switches and, outside production, demo people, storefronts and API keys."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--print-logins", action="store_true", help="only print the demo log-ins and API keys")

    def handle(self, *args: Any, **options: Any) -> None:
        """Seed; a second run changes nothing."""
        if options["print_logins"]:
            if settings.PRODUCTION:
                raise CommandError(
                    "There are no demo log-ins in production: create people with `manage.py createsuperuser`."
                )
            self._print_logins()
            return
        write_roles()
        _ensure_switches()
        if settings.PRODUCTION:
            self.stdout.write(
                "Roles and stop switches are in place; demo people and storefronts are refused in production: "
                "create the first person with `manage.py createsuperuser`."
            )
            return
        for person in PEOPLE:
            _ensure_person(person)
        for storefront in STOREFRONTS:
            ensure(storefront)
        self._print_logins()

    def _print_logins(self) -> None:
        console = Console(
            file=cast("TextIO", self.stdout), width=None if self.stdout.isatty() else 100, highlight=False
        )
        people = Table("Who", "Log-in", "Password", "Role", title=f"Finance console: {settings.PUBLIC_URL}/admin/")
        for person in PEOPLE:
            people.add_row(person.full_name, person.username, person.password, person.role or "administrator")
        console.print(people)
        keys = Table("Storefront", "API key", title=f"REST API: {settings.PUBLIC_URL}/v1/")
        for storefront in STOREFRONTS:
            keys.add_row(storefront.name, storefront.api_key)
        console.print(keys)


def _ensure_switches() -> None:
    """Give each stop switch its row, so that there is something to pull; one that is pulled stays pulled."""
    for name in sorted({CHECKOUT, PAYOUTS, REFUNDS} - set(switch_names())):
        release_switch(name=name, reason="first set up", actor=ACTOR, now=timezone.now())


def _ensure_person(person: DemoPerson) -> None:
    """Create a person who is not there yet; one who is keeps the password, which costs time to hash."""
    first, last = person.full_name.split(" ", 1)
    user, created = User.objects.get_or_create(
        username=person.username,
        defaults={
            "first_name": first,
            "last_name": last,
            "is_staff": True,
            "is_superuser": not person.role,
        },
    )
    if created:
        # A password that is printed at every start needs no slow hash; the first log-in makes it one.
        hasher = PBKDF2PasswordHasher()
        user.password = hasher.encode(person.password, hasher.salt(), iterations=10_000)
        user.save(update_fields=["password"])
    if person.role:
        user.groups.add(Group.objects.get(name=person.role))
