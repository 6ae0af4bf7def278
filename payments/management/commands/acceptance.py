"""`manage.py acceptance`: which share of what buyers tried was accepted?"""

import json
from argparse import ArgumentParser
from datetime import datetime, time, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from operations.command_line import whole_number
from payments.figures import DIMENSIONS
from payments.selectors import Acceptance, acceptance


class Command(BaseCommand):
    """Print the acceptance rate by provider, currency, storefront and day."""

    help = (
        "Print how the attempts ended that ended on the last days (UTC), today included: accepted, declined by class, "
        "and the share accepted of both. Pages on which nobody tried to pay, and what our own risk check refused, are "
        "told apart and do not count. Reads only."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        days = whole_number(least=1, most=3660)
        parser.add_argument("--days", type=days, default=7, help="how many days (default 7; 3660 at most)")
        parser.add_argument("--by", default=",".join(DIMENSIONS), help="what to group by: day,psp,currency,storefront")
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read and print."""
        by = [name.strip() for name in options["by"].split(",") if name.strip()]
        if unknown := [name for name in by if name not in DIMENSIONS]:
            raise CommandError(f"There is no grouping by {unknown[0]}: use {', '.join(DIMENSIONS)}.")
        now = timezone.now()
        since = datetime.combine(now.date() - timedelta(days=options["days"] - 1), time(), tzinfo=now.tzinfo)
        found = acceptance(since=since, until=now, by=by)
        if options["json"]:
            told = {"since": since.isoformat(), "until": now.isoformat(), "groups": [one.facts() for one in found]}
            self.stdout.write(json.dumps(told, indent=2))
        else:
            for one in found:
                self.stdout.write(_line(one))


def _line(one: Acceptance) -> str:
    day = one.day.isoformat() if one.day else ""
    name = " ".join(part for part in (day, one.psp, one.currency, one.storefront) if part)
    rate = f"{one.rate_bps // 100}.{one.rate_bps % 100:02}%" if one.rate_bps is not None else "-"
    classes = ", ".join(f"{count} {kind}" for kind, count in one.by_class.items())
    return (
        f"{name:40} {rate:>8}  {one.accepted} accepted, {one.declined} declined"
        f"{f' ({classes})' if classes else ''}, {one.left} left, {one.kept_out} kept out"
    )
