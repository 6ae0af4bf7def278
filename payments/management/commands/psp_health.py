"""`manage.py psp_health`: do the providers answer?"""

import json
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from operations.command_line import whole_number
from payments.selectors import ProviderHealth, configured_providers, provider_health


class Command(BaseCommand):
    """Print how each provider did, by the log of calls."""

    help = (
        "Print how each provider did in the last minutes, by the log of calls of all processes: calls, how many were "
        "left without an answer that can be believed, how many were not made because a process's breaker was open, "
        "latencies, the last answer, and how many checkouts went to another provider. Reads only."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        minutes = whole_number(least=1, most=7 * 24 * 60)
        parser.add_argument("--minutes", type=minutes, default=15, help="how far back (default 15; 10080 at most)")
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read and print."""
        now, window = timezone.now(), timedelta(minutes=options["minutes"])
        found = provider_health(psps=configured_providers(), now=now, window=window)
        if options["json"]:
            self.stdout.write(
                json.dumps({"at": now.isoformat(), "providers": [one.facts() for one in found]}, indent=2)
            )
        else:
            for one in found:
                self.stdout.write(_line(one))


def _line(one: ProviderHealth) -> str:
    latency = f"p50 {one.p50_ms} ms, p95 {one.p95_ms} ms, " if one.p50_ms is not None else ""
    last = f"last answer {one.last_answer:%Y-%m-%d %H:%M:%S}" if one.last_answer else "no answer for a day"
    return (
        f"{one.psp:10} {one.verdict:8} {one.calls} calls, {one.unanswered} unanswered, {one.not_sent} not made, "
        f"{latency}{one.passed_on} checkouts passed on, {last}"
    )
