"""How the providers do, and how many payments are accepted: figures for people who watch over them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from operations import database
from payments.gateway.declines import decline_class
from payments.models import CallOutcome, ProviderCall

WINDOW = timedelta(minutes=15)
_HOUR = timedelta(hours=1)
DIMENSIONS = ("day", "psp", "currency", "storefront")
# How far back the last answer of a provider is looked for that gave none in the window.
_LOOK_BACK = timedelta(days=1)
_ANSWERS = (CallOutcome.SUCCEEDED, CallOutcome.DECLINED)


@dataclass(frozen=True, kw_only=True)
class ProviderHealth:
    """How one provider did in a window. `not_sent` calls were kept back by a breaker; latencies are of the others."""

    psp: str
    calls: int
    unanswered: int
    not_sent: int
    p50_ms: int | None
    p95_ms: int | None
    last_answer: datetime | None
    passed_on: int

    @property
    def unanswered_percent(self) -> int:
        """Return the share of calls, those kept back too, without an answer that can be believed; rounded down."""
        wanted = self.calls + self.not_sent
        return (self.unanswered + self.not_sent) * 100 // wanted if wanted else 0

    @property
    def verdict(self) -> str:
        """Return the whole in a word: idle, answers, partly, silent."""
        if not self.calls:
            return "silent" if self.not_sent else "idle"
        if self.unanswered == self.calls:
            return "silent"
        return "partly" if self.unanswered or self.not_sent else "answers"

    def facts(self) -> dict[str, Any]:
        """Return the whole as JSON values."""
        last = self.last_answer.isoformat() if self.last_answer else None
        return {**asdict(self), "last_answer": last, "verdict": self.verdict}


@dataclass(frozen=True, kw_only=True)
class Acceptance:
    """How the attempts of one group ended; what is not grouped by is empty.

    Left are pages on which nobody tried to pay, and `kept_out` what our own risk check refused: neither says anything
    of a provider, so neither counts.
    """

    day: date | None
    psp: str
    currency: str
    storefront: str
    accepted: int
    declined: int
    left: int
    kept_out: int
    by_class: dict[str, int]

    @property
    def tried(self) -> int:
        """Return how many attempts count."""
        return self.accepted + self.declined

    @property
    def rate_bps(self) -> int | None:
        """Return the share that was accepted, in basis points rounded down; None where nothing counts."""
        return self.accepted * 10_000 // self.tried if self.tried else None

    def facts(self) -> dict[str, Any]:
        """Return the whole as JSON values; what it is not grouped by is left out."""
        named = {"day": self.day.isoformat() if self.day else "", "psp": self.psp, "currency": self.currency}
        named["storefront"] = self.storefront
        counts = {"accepted": self.accepted, "declined": self.declined, "declined_by_class": self.by_class}
        rest = {"left": self.left, "kept_out": self.kept_out, "rate_bps": self.rate_bps}
        return {**{name: value for name, value in named.items() if value}, **counts, **rest}


def provider_health(*, psps: Sequence[str], now: datetime, window: timedelta = WINDOW) -> list[ProviderHealth]:
    """Return how each provider did until now, by the log of calls: these, and others that were called all the same."""
    span = {"since": now - window, "until": now}
    queries = database.queries("payments", "figures.sql")
    called = {row.pop("psp"): row for row in database.fetch_all(queries["provider_calls"], span)}
    passed = {row["psp"]: row["attempts"] for row in database.fetch_all(queries["passed_on"], span)}
    nothing = {"calls": 0, "unanswered": 0, "not_sent": 0, "p50_ms": None, "p95_ms": None, "last_answer": None}
    found = []
    for psp in sorted({*psps, *called, *passed}):
        row = called.get(psp, nothing)
        last = row["last_answer"] or _last_answer(psp, now=now)
        found.append(ProviderHealth(psp=psp, passed_on=passed.get(psp, 0), **{**row, "last_answer": last}))
    return found


def acceptance(
    *, since: datetime, until: datetime, by: Sequence[str] = DIMENSIONS, sample: int | None = None
) -> list[Acceptance]:
    """Return how the attempts ended that ended in [since, until), in groups that are sorted; the newest day first.

    With `sample`, of each hour at most as many count, the first ones: what it costs does not grow with trade.
    """
    query = database.queries("payments", "figures.sql")["ended_attempts"]
    whole = max(until - since, _HOUR)
    asked = {"since": since, "until": until, "slice": _HOUR if sample else whole, "most": sample}
    groups: dict[tuple[object, ...], dict[str, dict[str, int]]] = {}
    for row in database.fetch_all(query, {**asked, "shops": "storefront" in by}):
        fates = groups.setdefault(tuple(row[name] for name in by), {})
        kind = decline_class(row["code"]) if row["fate"] == "declined" else ""
        counts = fates.setdefault(row["fate"], {})
        counts[kind] = counts.get(kind, 0) + row["attempts"]
    found = [_acceptance(dict(zip(by, group, strict=True)), fates) for group, fates in groups.items()]
    return sorted(found, key=lambda one: [_place(one, name) for name in by])


def _place(one: Acceptance, name: str) -> tuple[int, str]:
    return (-(one.day or date.min).toordinal(), "") if name == "day" else (0, str(getattr(one, name)))


def _acceptance(named: dict[str, object], fates: dict[str, dict[str, int]]) -> Acceptance:
    day = named.get("day")
    sums = {fate: sum(fates.get(fate, {}).values()) for fate in ("accepted", "declined", "left", "kept_out")}
    return Acceptance(
        day=day if isinstance(day, date) else None,
        psp=str(named.get("psp", "")),
        currency=str(named.get("currency", "")),
        storefront=str(named.get("storefront", "")),
        by_class=dict(sorted(fates.get("declined", {}).items())),
        **sums,
    )


def _last_answer(psp: str, *, now: datetime) -> datetime | None:
    recent = ProviderCall.objects.filter(psp=psp, outcome__in=_ANSWERS, sent_at__gt=now - _LOOK_BACK, sent_at__lte=now)
    return recent.order_by("-sent_at").values_list("sent_at", flat=True).first()
