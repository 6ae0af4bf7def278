"""`manage.py alerts`: is anything wrong that somebody should look at?"""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from operations.services import Alert, read_alerts


class Command(BaseCommand):
    """Read every figure that is watched, and say which are wrong."""

    help = (
        "Read every figure that is watched and hold it against its threshold (ALERT_… in the environment). Reads only: "
        "questions in the console are opened and closed by the scheduler, and this tells the truth where that does not "
        "run. Exit status 1: at least one figure is wrong, or a question about one is still open."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read and print."""
        found = read_alerts(now=timezone.now())
        wrong = [alert for alert in found if alert.reading.wrong or alert.since]
        if options["json"]:
            self.stdout.write(json.dumps({"open": len(wrong), "alerts": [alert.facts() for alert in found]}, indent=2))
        else:
            for alert in found:
                self.stdout.write(_line(alert))
        if wrong:
            sys.exit(1)


def _line(alert: Alert) -> str:
    told = alert.reading
    since = f", asked since {alert.since:%Y-%m-%d %H:%M}" if alert.since else ""
    sign = "WRONG" if told.wrong else "open " if alert.since else "ok   "
    return f"{sign}  {alert.code:30} {told.subject:18} {told.figure} (alert from {told.threshold}){since}"
