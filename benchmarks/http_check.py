"""What stands in the database after a load, judged beside the provider's own record; printed as JSON.

The database and the provider are those of the family that runs in COUNTERFOIL_STATE. With a number of paid orders, and
when their trade ended, it waits first until so many are booked and nothing is due, ten minutes at most, by questions
that cost next to nothing: the provider's whole record would keep it from its work.
"""

import json
import os
import sys
import time
from typing import Any

import django

_FACTS = """
SELECT (SELECT count(*) FROM payments_checkout) AS checkouts,
       (SELECT count(*) FROM payments_paymentorder WHERE state = 'SUCCESS') AS paid,
       (SELECT count(*) FROM ledger_journalentry WHERE recipe = 'payment_captured') AS captured,
       (SELECT count(*) FROM payments_webhookevent) AS webhooks,
       (SELECT count(*) FROM operations_job WHERE state = 'dead') AS dead,
       (SELECT COALESCE(max(extract(epoch FROM handled_at - received_at)), 0)::float
        FROM payments_webhookevent WHERE state = 'handled') AS slowest_s,
       (SELECT COALESCE(max(extract(epoch FROM handled_at - created_at)), 0)::float
        FROM payments_webhookevent WHERE state = 'handled') AS latest_s
"""
_UNREST = """
SELECT (SELECT count(*) FROM payments_paymentorder WHERE state = 'SUCCESS') < %(paid)s
       OR EXISTS (SELECT FROM payments_webhookevent WHERE state IN ('received', 'parked'))
       OR EXISTS (SELECT FROM operations_job WHERE state IN ('todo', 'doing') AND next_at <= now()) AS unrest
"""
_BY_THEN = "SELECT count(*) AS webhooks FROM payments_webhookevent WHERE received_at <= to_timestamp(%(then)s)"
_PATIENCE_S = 600


def main() -> None:
    """Compare and print."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.conf import settings  # noqa: PLC0415 - needs the settings

    from operations import database  # noqa: PLC0415
    from sandbox.control import SandboxControl  # noqa: PLC0415

    waited = _wait(int(sys.argv[1]), float(sys.argv[2])) if sys.argv[1:] else {}
    facts: dict[str, Any] = {**database.fetch_one(_FACTS), **waited}
    theirs = SandboxControl(settings.SANDBOX_URL).ledger()
    charges = [charge["id"] for charge in theirs["charges"] if charge["paid"] and charge["captured"]]
    rows = database.fetch_all("SELECT reference FROM ledger_journalentry WHERE recipe = 'payment_captured'")
    booked = [row["reference"] for row in rows]
    facts["charged"] = len(charges)
    facts["lost"] = len(set(charges) - set(booked))
    facts["doubled"] = len(booked) - len(set(booked)) + len(set(booked) - set(charges))
    facts["sessions"] = len(theirs["sessions"])
    print(json.dumps(facts))


def _wait(paid: int, ended: float) -> dict[str, Any]:
    """Wait for quiet; return how long after the trade's end it came, and how many webhooks had come by that end."""
    from operations import database  # noqa: PLC0415 - needs the settings

    unrest = database.fetch_one(_UNREST, {"paid": paid})["unrest"]
    while unrest and time.time() < ended + _PATIENCE_S:
        time.sleep(0.5)
        unrest = database.fetch_one(_UNREST, {"paid": paid})["unrest"]
    quiet_s = time.time() - ended
    by_then = database.fetch_one(_BY_THEN, {"then": ended})["webhooks"]
    return {"quiet_s": quiet_s, "unrest": unrest, "webhooks_by_then": by_then}


if __name__ == "__main__":
    main()
