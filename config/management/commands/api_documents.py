"""`manage.py api_documents`: what integrators read, written from the code."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.documents import documents


class Command(BaseCommand):
    """Write the OpenAPI document, the Postman collection and the event catalogue."""

    help = (
        "Write docs/openapi.json, docs/postman_collection.json and docs/events/ from the code, and remove schemas of "
        "events that are no more. --check writes nothing, and exits 1 when any of them is stale."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--check", action="store_true", help="only say which files are stale")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the files, or compare them."""
        docs, wanted = settings.BASE_DIR / "docs", documents()
        stale = stale_documents(docs, wanted)
        if options["check"] and stale:
            raise CommandError(f"Stale: {', '.join(stale)}. Run `manage.py api_documents`.")
        for name in stale:
            path = docs / name
            if name in wanted:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(wanted[name], encoding="utf-8")
            else:
                path.unlink()
        self.stdout.write(f"Written: {', '.join(stale)}." if stale else "Everything is what the code says.")


def stale_documents(docs: Path, wanted: dict[str, str]) -> list[str]:
    """Return the files that are not what the code says, missing ones and leftovers included."""
    there = {path.relative_to(docs).as_posix() for path in docs.glob("events/*")}
    differing = {name for name, text in wanted.items() if _text(docs / name) != text}
    return sorted(differing | (there - set(wanted)))


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None
