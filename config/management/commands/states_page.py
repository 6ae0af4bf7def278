"""`manage.py states_page`: the page on all state machines, drawn from the code."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.machines import states_page

PAGE = "docs/states.md"


class Command(BaseCommand):
    """Write the page."""

    help = f"Write {PAGE} from the state machines. --check writes nothing, and exits 1 when the page is stale."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--check", action="store_true", help="only say whether the page is stale")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the page, or compare it."""
        page, text = settings.BASE_DIR / "docs" / "states.md", states_page()
        stale = not page.exists() or page.read_text(encoding="utf-8") != text
        if options["check"]:
            if stale:
                raise CommandError(f"{PAGE} is stale: run `manage.py states_page`.")
            self.stdout.write(f"{PAGE} is what the code says.")
            return
        if stale:
            page.write_text(text, encoding="utf-8")
        self.stdout.write(f"{PAGE} is {'written' if stale else 'what the code says already'}.")
