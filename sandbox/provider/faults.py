"""The fault plan: which call, event, outcome or report line goes wrong, and how.

A rule names an operation by pattern and waits for its n-th match. What it does is one of four kinds: disturb
the answer to an API call, decide a business outcome, disturb a webhook delivery, or alter a report.
"""

import random
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any

Json = dict[str, Any]

CALL_ACTIONS = {
    "drop": "close the connection before anything is processed",
    "timeout_after_commit": "process, then answer nothing: hang `hang_s` seconds and cut",
    "delay": "wait `s` seconds before processing",
    "error_5xx": "answer `status` (500) `when` before or after processing",
    "error_429": "answer 429 with Retry-After before processing",
    "error_409": "answer 409 idempotency_key_in_use before processing",
    "error_503": "answer 503 with Retry-After before processing",
    "garbage": "process, answer 200 with bytes that are no JSON",
    "truncated": "process, cut the answer in the middle",
    "html": "process, answer 200 with an HTML page",
    "fee_later": "process, answer as while the balance transaction is not made: null, and so no fee and no rate",
    "empty_list": "answer a list without its entries, as an index that lags behind does",
    "wrong_amount": "process, answer with amounts off by `delta_minor` (1)",
}
OUTCOME_ACTIONS = {
    "fail": "refuse a transfer or payout with `code`",
    "fail_late": "let a refund or payout fail `after_s` seconds later with `reason`",
    "pending": "leave a refund, or the making of a report, pending for `after_s` seconds",
}
WEBHOOK_ACTIONS = {
    "webhook_drop": "never deliver",
    "webhook_delay": "deliver `s` seconds later",
    "webhook_duplicate": "deliver `copies` (1) more times",
    "webhook_reorder": "deliver after the next event",
    "webhook_new_event_id": "deliver the same fact again under another event id",
}
REPORT_ACTIONS = {
    "line_missing": "leave a line out",
    "line_extra": "add a line that no object stands behind: `values`",
    "line_alter": "change a line: add `delta_minor` to gross and net, or set `column` to `value`",
}
ACTIONS = {**CALL_ACTIONS, **OUTCOME_ACTIONS, **WEBHOOK_ACTIONS, **REPORT_ACTIONS}

_SEEDED_CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("drop", {}),
    ("timeout_after_commit", {}),
    ("error_5xx", {"when": "before"}),
    ("error_5xx", {"when": "after"}),
    ("error_429", {"retry_after_s": 1}),
    ("error_503", {"retry_after_s": 1}),
    ("garbage", {}),
    ("truncated", {}),
    ("html", {}),
)
_SEEDED_WEBHOOKS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("webhook_drop", {}),
    ("webhook_delay", {"s": 1}),
    ("webhook_duplicate", {}),
    ("webhook_reorder", {}),
    ("webhook_new_event_id", {}),
)


class BadPlan(Exception):
    """Refuse a plan that cannot be followed; the message says which rule and why."""


@dataclass
class Rule:
    """One planned fault, with how often it was met and carried out."""

    op: str
    action: str
    nth: int | None = None
    ref: str | None = None
    match: dict[str, str] = field(default_factory=dict)
    args: dict[str, Any] = field(default_factory=dict)
    times: int = 1
    seen: int = 0
    fired: int = 0

    @classmethod
    def parse(cls, raw: Any) -> "Rule":
        """Build a rule from JSON.

        Raises BadPlan for an unknown action or key, or a wrong type.
        """
        if not isinstance(raw, dict):
            raise BadPlan("Each rule of the plan must be a JSON object.")
        unknown = set(raw) - {"op", "action", "nth", "ref", "match", "args", "times"}
        if unknown:
            raise BadPlan(f"Remove the unknown key {sorted(unknown)[0]!r} from the rule {raw}.")
        if raw.get("action") not in ACTIONS:
            raise BadPlan(f"Use one of these as the action of the rule {raw}: {', '.join(ACTIONS)}.")
        for name, kind in (
            ("nth", int),
            ("times", int),
            ("ref", str),
            ("match", dict),
            ("args", dict),
            ("op", str),
        ):
            if name in raw and (not isinstance(raw[name], kind) or isinstance(raw[name], bool)):
                raise BadPlan(f"Give {name} as {kind.__name__} in the rule {raw}.")
        return cls(**{"op": "*", **raw})

    def takes(self, op: str, facts: Mapping[str, Any]) -> bool:
        """Count one meeting with an operation and tell whether the rule is carried out now."""
        if self.times and self.fired >= self.times:
            return False
        if not fnmatchcase(op, self.op) or not self._fits(facts):
            return False
        self.seen += 1
        if self.nth is not None and self.seen < self.nth:
            return False
        self.fired += 1
        return True

    def _fits(self, facts: Mapping[str, Any]) -> bool:
        if self.ref is not None and self.ref not in set(leaves(facts)):
            return False
        return all(lookup(facts, path) == wanted for path, wanted in self.match.items())


def leaves(value: Any) -> Iterator[str]:
    """Yield every value in nested facts, as text."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    elif value is not None:
        yield str(value)


def lookup(facts: Mapping[str, Any], path: str) -> str | None:
    """Return the text at a dotted path such as `metadata.order`, or None."""
    node: Any = facts
    for part in path.split("."):
        if isinstance(node, list) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        elif isinstance(node, Mapping) and part in node:
            node = node[part]
        else:
            return None
    return str(node)


class FaultPlan:
    """The rules in force, and optionally a seed that adds random ones."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._seed: int | None = None
        self._rate_percent = 20
        self._drawn = 0

    def replace(self, plan: Json) -> None:
        """Put another plan in force: `{"rules": […], "seed": n, "rate_percent": 20}`, every part optional.

        Raises BadPlan and changes nothing when a rule cannot be followed.
        """
        unknown = set(plan) - {"rules", "seed", "rate_percent"}
        if unknown:
            raise BadPlan(f"Remove the unknown key {sorted(unknown)[0]!r} from the plan.")
        raw = plan.get("rules", [])
        seed, rate = plan.get("seed"), plan.get("rate_percent", 20)
        if not isinstance(raw, list):
            raise BadPlan("Give the rules of the plan as a list.")
        if seed is not None and not isinstance(seed, int):
            raise BadPlan("Give the seed as a whole number.")
        if not isinstance(rate, int) or not 0 <= rate <= 100:
            raise BadPlan("Give rate_percent as a whole number from 0 to 100.")
        rules = [Rule.parse(item) for item in raw]
        with self._lock:
            self._rules, self._seed, self._rate_percent, self._drawn = rules, seed, rate, 0

    def describe(self) -> Json:
        """Return the plan with its counters."""
        with self._lock:
            rules = [asdict(rule) for rule in self._rules]
            return {
                "rules": rules,
                "seed": self._seed,
                "rate_percent": self._rate_percent,
                "drawn": self._drawn,
            }

    def call(self, op: str, facts: Mapping[str, Any]) -> list[Rule]:
        """Return what happens to an API call or a page."""
        return self._taken(op, facts, CALL_ACTIONS) or self._draw(op, _SEEDED_CALLS)

    def outcome(self, op: str, facts: Mapping[str, Any]) -> Rule | None:
        """Return the planned outcome of a business step, if any."""
        taken = self._taken(op, facts, OUTCOME_ACTIONS)
        return taken[0] if taken else None

    def webhook(self, event_type: str, facts: Mapping[str, Any]) -> list[Rule]:
        """Return what happens to the delivery of an event; rules name it `webhook` or `webhook:<type>`."""
        taken = self._taken("webhook", facts, WEBHOOK_ACTIONS, f"webhook:{event_type}")
        return taken or self._draw(f"webhook:{event_type}", _SEEDED_WEBHOOKS)

    def report(self, facts: Mapping[str, Any], action: str) -> list[Rule]:
        """Return the rules with one action for a line of a report, or for the report itself."""
        return self._taken("report", facts, {action: ""})

    def _taken(
        self, op: str, facts: Mapping[str, Any], actions: Mapping[str, str], alias: str | None = None
    ) -> list[Rule]:
        with self._lock:
            fitting = [rule for rule in self._rules if rule.action in actions]
            return [rule for rule in fitting if rule.takes(alias if alias and ":" in rule.op else op, facts)]

    def _draw(self, op: str, menu: tuple[tuple[str, dict[str, Any]], ...]) -> list[Rule]:
        with self._lock:
            if self._seed is None:
                return []
            self._drawn += 1
            dice = random.Random(f"{self._seed}:{self._drawn}:{op}")
        if dice.randrange(100) >= self._rate_percent:
            return []
        action, args = dice.choice(menu)
        return [Rule(op=op, action=action, args=dict(args), seen=1, fired=1)]
