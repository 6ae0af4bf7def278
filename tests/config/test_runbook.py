"""What the runbook tells whoever sets Counterfoil up is what the code needs."""

import re

from django.conf import settings

from config.wiring import PSP_EVENTS

_RUNBOOK = settings.BASE_DIR / "docs" / "operations.md"


class TestTheRunbook:
    def test_has_every_event_registered_that_is_acted_on_and_no_other(self) -> None:
        text = _RUNBOOK.read_text(encoding="utf-8")
        part = text.partition("Register `PUBLIC_URL/webhooks/stripe`")[2].partition("\n## ")[0]

        # Mollie says only that something changed, to an address that each payment names.
        wired = {kind for kind in PSP_EVENTS if not kind.startswith("mollie.")}
        assert set(re.findall(r"`([a-z_]+(?:\.[a-z_*]+)+)`", part)) == wired
