"""`manage.py psp_sync`: take in what the provider told and we never heard."""

import json
import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from operations.command_line import actor_of_command
from operations.counts import format_count
from operations.switchboard import UnknownKind
from payments.services import LISTED_FOR, Listing, ListingFailed, compare_events

_AGE = re.compile(r"(\d{1,6})([mhd])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def moment(text: str) -> datetime:
    """Return the instant that an option names: ISO 8601, in UTC unless it says otherwise, or 90m, 48h, 7d ago."""
    try:
        if found := _AGE.fullmatch(text):
            return timezone.now() - timedelta(**{_UNITS[found[2]]: int(found[1])})
        instant = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise ArgumentTypeError(f"{text!r} is neither an instant (2026-11-24T08:00) nor an age (48h, 7d)") from error
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


class Command(BaseCommand):
    """Compare the inbox with the provider's own list of events."""

    help = (
        "Compare the inbox with the provider's own list of events and take in what is missing: webhooks that were "
        "lost, or refused while we were down. What is taken in is worked on like a webhook, and booked once at most. "
        "The schedule does this every five minutes, and for two days back every night; by hand it is for longer "
        "outages (Stripe keeps events for 30 days). Exit status 0: compared, whatever was found."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--psp", default="stripe", help="the provider's name in GATEWAYS (stripe)")
        parser.add_argument(
            "--since", type=moment, default="48h", help="an instant, or an age such as 90m, 48h, 7d (48h)"
        )
        parser.add_argument(
            "--until", type=moment, default="1m", help="the end, excluded (1m: later ones may be on the way)"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what is missing, take nothing in")
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Compare, and say what was missing."""
        since, until = options["since"], options["until"]
        if since >= until:
            raise CommandError(f"--since {since:%Y-%m-%d %H:%M} is not before --until {until:%Y-%m-%d %H:%M}.")
        if until <= timezone.now() - LISTED_FOR:
            raise CommandError(
                f"--until {until:%Y-%m-%d %H:%M} is before the provider's list begins: it goes back "
                f"{LISTED_FOR.days} days."
            )
        try:
            found = compare_events(
                psp=options["psp"],
                since=since,
                until=until,
                actor=actor_of_command(),
                now=timezone.now(),
                dry_run=options["dry_run"],
            )
        except (ListingFailed, UnknownKind) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(_facts(found, options["dry_run"])) if options["json"] else _words(found, options))


def _facts(found: Listing, dry_run: bool) -> dict[str, Any]:
    return {
        "since": found.since.isoformat(),
        "until": found.until.isoformat(),
        "listed": found.listed,
        "taken_in": 0 if dry_run else len(found.gaps),
        "missing": [
            {"event": gap.event_id, "type": gap.type, "object": gap.object_id, "at": gap.created_at.isoformat()}
            for gap in found.gaps
        ],
    }


def _words(found: Listing, options: dict[str, Any]) -> str:
    lines = [f"{gap.created_at:%Y-%m-%d %H:%M:%S}  {gap.event_id}  {gap.type}  {gap.object_id}" for gap in found.gaps]
    done = "would be taken in" if options["dry_run"] else "taken in"
    lines.append(
        f"{format_count(found.listed, 'event')} at the provider, {len(found.gaps)} of them missing here and {done}."
    )
    return "\n".join(lines)
