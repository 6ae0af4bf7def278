"""What stands in the database after a load, judged beside the provider's own record; printed as JSON.

The database and the provider are those of the family that runs in COUNTERFOIL_STATE.
"""

import json
import os
from typing import Any

import django

_FACTS = """
SELECT (SELECT count(*) FROM payments_checkout) AS checkouts,
       (SELECT count(*) FROM payments_paymentorder WHERE state = 'SUCCESS') AS paid,
       (SELECT count(*) FROM ledger_journalentry WHERE recipe = 'payment_captured') AS captured,
       (SELECT count(*) FROM payments_webhookevent WHERE state IN ('received', 'parked')) AS unhandled,
       (SELECT count(*) FROM payments_webhookevent) AS webhooks,
       (SELECT count(*) FROM operations_job WHERE state IN ('todo', 'doing') AND next_at <= now()) AS due,
       (SELECT count(*) FROM operations_job WHERE state = 'dead') AS dead,
       (SELECT COALESCE(max(extract(epoch FROM handled_at - received_at)), 0)::float
        FROM payments_webhookevent WHERE state = 'handled') AS slowest_s
"""


def main() -> None:
    """Compare and print."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.conf import settings  # noqa: PLC0415 - needs the settings

    from operations import database  # noqa: PLC0415
    from sandbox.control import SandboxControl  # noqa: PLC0415

    facts: dict[str, Any] = database.fetch_one(_FACTS)
    theirs = SandboxControl(settings.SANDBOX_URL).ledger()
    charges = [charge["id"] for charge in theirs["charges"] if charge["paid"] and charge["captured"]]
    rows = database.fetch_all("SELECT reference FROM ledger_journalentry WHERE recipe = 'payment_captured'")
    booked = [row["reference"] for row in rows]
    facts["charged"] = len(charges)
    facts["lost"] = len(set(charges) - set(booked))
    facts["doubled"] = len(booked) - len(set(booked)) + len(set(booked) - set(charges))
    facts["sessions"] = len(theirs["sessions"])
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
