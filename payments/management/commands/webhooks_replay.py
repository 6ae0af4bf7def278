"""`manage.py webhooks_replay`: act on kept events once more."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from operations import switchboard
from operations.command_line import actor_of_command
from operations.counts import format_count
from operations.texts import TextRefused
from payments.management.commands.psp_sync import moment
from payments.models import WebhookEvent
from payments.models.webhooks import WebhookState
from payments.selectors import kept_events
from payments.services import NotReplayable, replay_event


class Command(BaseCommand):
    """Put kept events back on the table."""

    help = (
        "Act on kept events once more: each one's object is fetched from the provider as it is now and taken over; "
        "facts that are booked already are not booked again. For after a mended handler, or when an event was parked "
        "for too long. Name events, or choose by --type, --state, --object and time; --dry-run lists them first. "
        "Exit status 0: all of them are due again; 1: nothing was chosen, or one cannot be replayed (then none is)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("events", nargs="*", help="event ids (evt_…)")
        parser.add_argument("--psp", default="stripe", help="the provider's name in GATEWAYS (stripe)")
        parser.add_argument("--type", help="only this type, such as refund.updated")
        parser.add_argument("--state", choices=WebhookState.values, help="only these, such as parked")
        parser.add_argument("--object", help="only events about this object of the provider's (cs_…, pi_…, re_…)")
        parser.add_argument("--since", type=moment, help="received at or after: an instant, or an age such as 48h")
        parser.add_argument("--until", type=moment, help="received before: an instant, or an age")
        parser.add_argument(
            "--reason", default="", help="why (needed, unless it is a dry run); kept in the audit trail"
        )
        parser.add_argument("--dry-run", action="store_true", help="list what would be replayed, and what handles it")
        parser.add_argument("--json", action="store_true", help="one JSON object a line")

    def handle(self, *args: Any, **options: Any) -> None:
        """Choose, list, and replay unless it is a dry run."""
        if not any(options[name] for name in ("events", "type", "state", "object", "since", "until")):
            raise CommandError("Name events, or choose them by an option: everything at once is never meant.")
        if not options["dry_run"] and not options["reason"]:
            raise CommandError("Say with --reason why they are to be acted on again (or look first, with --dry-run).")
        chosen = kept_events(
            psp=options["psp"],
            event_ids=options["events"] or None,
            type=options["type"],
            state=options["state"],
            object_id=options["object"],
            since=options["since"],
            until=options["until"],
        )
        lost = set(options["events"]) - {event.event_id for event in chosen}
        if lost or not chosen:
            raise CommandError(f"Not in the inbox: {', '.join(sorted(lost))}." if lost else "No event is like that.")
        for event in chosen:
            self.stdout.write(_line(event, as_json=options["json"]))
        if not options["dry_run"]:
            self._replay(chosen, options["reason"])
        if not options["json"]:
            verb = "would be" if options["dry_run"] else "is" if len(chosen) == 1 else "are"
            self.stdout.write(f"{format_count(len(chosen), 'event')} {verb} due again.")

    def _replay(self, chosen: list[WebhookEvent], reason: str) -> None:
        for event in chosen:
            if event.type not in switchboard.table("PSP_EVENTS"):
                raise CommandError(f"{event.event_id}: nothing here depends on {event.type}. Nothing was replayed.")
        try:
            for event in chosen:
                replay_event(webhook=event.pk, actor=actor_of_command(), reason=reason, now=timezone.now())
        except (NotReplayable, TextRefused) as error:
            raise CommandError(str(error)) from error


def _line(event: WebhookEvent, *, as_json: bool) -> str:
    facts = {
        "event": event.event_id,
        "type": event.type,
        "object": event.object_id,
        "state": event.state,
        "source": event.source,
        "received_at": event.received_at.isoformat(),
        "waiting_for": event.waiting_for,
        "handled_by": switchboard.table("PSP_EVENTS").get(event.type),
    }
    if as_json:
        return json.dumps(facts)
    waits = f"  ({event.waiting_for})" if event.waiting_for else ""
    acts = facts["handled_by"] or "nothing handles it"
    words = (f"{event.received_at:%Y-%m-%d %H:%M:%S}", event.event_id, event.type, event.object_id, event.state, acts)
    return "  ".join(words) + waits
