"""A client for the stand-in provider's control surface: what tests and demonstrations tell fate to do."""

from collections.abc import Mapping, Sequence
from typing import Any

import requests

Json = dict[str, Any]


class ControlRefused(Exception):
    """The provider refused a control command; the message is its own sentence."""

    def __init__(self, *, path: str, status: int, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.status = status


class SandboxControl:
    """Speak to the control surface at `base_url`, such as `http://127.0.0.1:21111`."""

    def __init__(self, base_url: str, *, timeout_s: float = 30) -> None:
        self.base_url = base_url.rstrip("/")
        self._timeout_s = timeout_s
        self._http = requests.Session()

    def _get(self, path: str) -> Json:
        return self._read(self._http.get(self.base_url + path, timeout=self._timeout_s))

    def _post(self, path: str, body: Any = None) -> Json:
        return self._read(self._http.post(self.base_url + path, json=body or {}, timeout=self._timeout_s))

    def _read(self, answer: requests.Response) -> Json:
        body: Json = answer.json()
        if answer.status_code != 200:
            raise ControlRefused(path=answer.url, status=answer.status_code, message=body["error"])
        return body

    def health(self) -> Json:
        """Return status and present moment.

        Raises requests.RequestException when the provider does not answer.
        """
        return self._get("/_health")

    def reset(self) -> None:
        """Forget every object, plan, answer and delivery, and return to real time and automatic delivery."""
        self._post("/_reset")

    def calls(self) -> list[Json]:
        """Return the API requests so far, oldest first: method, path, idempotency_key, status, replayed."""
        calls: list[Json] = self._get("/_calls")["calls"]
        return calls

    def ledger(self) -> Json:
        """Return the provider's own record of everything: the oracle."""
        return self._get("/_ledger")

    def plan(self, rules: Sequence[Mapping[str, Any]] = (), *, seed: int | None = None, rate_percent: int = 20) -> Json:
        """Put a fault plan in force instead of the present one; without rules nothing goes wrong.

        Raises ControlRefused when a rule cannot be followed.
        """
        return self._post("/_plan", {"rules": list(rules), "seed": seed, "rate_percent": rate_percent})

    def planned(self) -> Json:
        """Return the plan in force, with how often each rule was met and carried out."""
        return self._get("/_plan")

    def clock(self) -> int:
        """Return the provider's present moment, in seconds since 1970."""
        return int(self._get("/_clock")["now"])

    def advance(self, seconds: int) -> int:
        """Move the clock on, firing what falls due on the way; return the new moment."""
        return int(self._post("/_clock", {"advance_s": seconds})["now"])

    def set_clock(self, moment: int) -> int:
        """Move the clock to a moment; return it.

        Raises ControlRefused for a moment in the past unless the store is empty.
        """
        return int(self._post("/_clock", {"set": moment})["now"])

    def freeze(self, *, frozen: bool = True) -> None:
        """Let time stand still, or flow again."""
        self._post("/_clock", {"frozen": frozen})

    def webhooks_manual(self) -> None:
        """Hold every delivery until it is taken or redelivered."""
        self._post("/_webhooks", {"mode": "manual"})

    def webhooks_auto(self) -> None:
        """Deliver events as they happen."""
        self._post("/_webhooks", {"mode": "auto"})

    def webhooks(self) -> list[Json]:
        """Return the deliveries not done: held, due, dropped, failed."""
        deliveries: list[Json] = self._get("/_webhooks")["deliveries"]
        return deliveries

    def take_webhooks(self) -> list[Json]:
        """Remove and return the held deliveries: url, signed headers, body, type, event."""
        deliveries: list[Json] = self._post("/_webhooks/take")["deliveries"]
        return deliveries

    def redeliver(self, *, event: str | None = None) -> int:
        """Send one event again over HTTP, or all that were held, taken, dropped or failed; return how many."""
        return int(self._post("/_webhooks/redeliver", {"event": event} if event else {})["queued"])

    def hold_again(self) -> int:
        """Hold once more all that was taken, dropped or never got through, to be taken again; return how many."""
        return int(self._post("/_webhooks/hold")["held"])

    def settle_async(self, payment_intent: str, *, succeeded: bool) -> Json:
        """Let the money of an asynchronous payment arrive or fail."""
        return self._post(f"/_async/{payment_intent}", {"outcome": "succeeded" if succeeded else "failed"})

    def open_dispute(
        self, charge: str, *, reason: str = "fraudulent", amount: int | None = None, inquiry: bool = False
    ) -> Json:
        """Open a dispute over a charge, for `amount` minor units or all that is left; return it."""
        body = {"charge": charge, "reason": reason, "amount": amount, "inquiry": inquiry}
        return self._post("/_disputes", body)

    def decide_dispute(self, dispute: str, *, won: bool) -> Json:
        """Close a dispute."""
        return self._post(f"/_disputes/{dispute}", {"outcome": "won" if won else "lost"})

    def reopen_dispute(self, dispute: str) -> Json:
        """Let the bank come back after a dispute was won: the money is withdrawn again, with another fee."""
        return self._post(f"/_disputes/{dispute}", {"outcome": "reopened"})

    def recover_dispute(self, dispute: str, *, amount: int | None = None) -> Json:
        """Let money of a lost dispute come back, `amount` minor units of it or all."""
        return self._post(f"/_disputes/{dispute}", {"outcome": "recovered", "amount": amount})

    def charge_dispute_fee(self, dispute: str) -> Json:
        """Let the provider charge another fee for a dispute, as for countering it."""
        return self._post(f"/_disputes/{dispute}", {"outcome": "fee_charged"})

    def return_dispute_fee(self, dispute: str) -> Json:
        """Let the provider give its fee for a dispute back."""
        return self._post(f"/_disputes/{dispute}", {"outcome": "fee_returned"})

    def move_payout(self, payout: str, status: str, *, code: str = "could_not_process") -> Json:
        """Make a payout in_transit, paid or failed."""
        return self._post(f"/_payouts/{payout}", {"status": status, "code": code})

    def sweep(self, currency: str, *, account: str | None = None) -> Json | None:
        """Pay everything available out as one automatic payout; return it, or None when there is nothing."""
        payout: Json | None = self._post("/_payouts/sweep", {"currency": currency, "account": account})["payout"]
        return payout

    def settle_in(
        self, currency: str | None, rates: Mapping[str, str] | None = None, *, account: str | None = None
    ) -> Json:
        """Have trade in other currencies settled in this one from now on, at rates in it; None ends it.

        Raises ControlRefused for what is no rate.
        """
        return self._post("/_settlement", {"currency": currency, "rates": rates or {}, "account": account})

    def set_reports(self, *, start: int, lag_s: int) -> Json:
        """Have reports tell from a moment (seconds since 1970) on, and until `lag_s` seconds ago."""
        return self._post("/_reports", {"start": start, "lag_s": lag_s})

    def end_refund(self, refund: str, *, failed: bool, reason: str = "expired_or_canceled_card") -> Json:
        """Let a refund succeed, or fail late."""
        return self._post(f"/_refunds/{refund}", {"status": "failed" if failed else "succeeded", "reason": reason})

    def decide_review(self, review: str, *, approve: bool) -> Json:
        """Approve a reviewed payment, or refund it as fraud."""
        return self._post(f"/_reviews/{review}", {"action": "approve" if approve else "refund_as_fraud"})

    def reopen_session(self, session: str) -> Json:
        """Let a closed page be paid all the same."""
        return self._post(f"/_sessions/{session}", {"status": "open"})

    def set_account(self, account: str, **state: Any) -> Json:
        """Change charges_enabled, payouts_enabled, details_submitted, capabilities or requirements."""
        return self._post(f"/_accounts/{account}", state)
