"""`manage.py grant_app_role`: after each migration, by the owner of the tables."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from config import database_roles


class Command(BaseCommand):
    """Give the application's role its rights, and take every other one from it."""

    help = (
        "Give a database role the rights that web, worker and scheduler need, and no others: it can post to the books "
        "through their doors and read them, but cannot write, change, empty, alter or own their tables. "
        "Run it as the owner of the tables after each migrate; the role must exist."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("role", help="the role in the application's DATABASE_URL")

    def handle(self, *args: Any, **options: Any) -> None:
        """Grant, and say so."""
        database_roles.grant(role=options["role"])
        self.stdout.write(f"{options['role']} has the application's rights, and no others.")
