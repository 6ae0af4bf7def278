"""The console's first page: what was earned, what is owed, and what waits for a person."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, PermissionsMixin
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from config.health import proof_is_overdue
from ledger import chart
from ledger import selectors as ledger
from ledger.money import Money
from operations.admin_display import Cell, amount, moment
from operations.counts import format_count
from operations.selectors import (
    dead_letters,
    oldest_question,
    open_alerts,
    stopped_switches,
    waiting_tasks,
)
from payments.selectors import configured_providers, disputes_wanting_evidence, provider_health
from payments.states import WANTS_EVIDENCE
from payouts.selectors import proposed_totals
from reconciliation.selectors import money_at_risk, open_discrepancies
from reconciliation.states import DiscrepancyState

DAYS_SHOWN = 14
CURRENCIES_SHOWN = 3
NOTE_LENGTH = 70
_VERDICTS = {"answers": "answers", "partly": "answers in part", "silent": "silent", "idle": "not asked"}

User = AbstractBaseUser | AnonymousUser


@dataclass(frozen=True, kw_only=True)
class Card:
    """One figure, where it leads, and whether it asks for somebody: calm, good, look or bad."""

    title: str
    icon: str
    url: str
    lines: Sequence[Cell]
    note: Cell = ""
    tone: str = "calm"


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One day of a chart; `percent` is its height against the highest day."""

    day: date
    shown: Cell
    percent: int


@dataclass(frozen=True, kw_only=True)
class Chart:
    """What was captured day by day in one currency."""

    currency: str
    total: Cell
    bars: Sequence[Bar]


def first_page(user: User, *, waiting: dict[str, int], now: datetime) -> dict[str, Any]:
    """Return the first page's cards and charts, as far as the person may see what they are made of.

    `waiting` is how many approvals wait for a second person, by kind.
    """
    today = ledger.business_day(now=now)
    return {
        "money_cards": _permitted(
            user,
            {
                "ledger.view_journalentry": [lambda: _captured(today), lambda: _commission(today)],
                "ledger.view_account": [_owed, _at_providers],
            },
        ),
        "duty_cards": _permitted(
            user,
            {
                "payouts.view_batch": [_waiting_payouts],
                "ledger.view_manualjournal": [lambda: _waiting_journals(waiting.get("ledger.manual_journal", 0))],
                "payments.view_refund": [lambda: _waiting_refunds(waiting.get("payments.refund", 0))],
                "operations.view_approval": [lambda: _risk_reviews(waiting.get("payments.risk_review", 0))],
                "payments.view_dispute": [_disputes],
                "reconciliation.view_discrepancy": [_discrepancies],
                "operations.view_humantask": [_questions],
                "payments.view_providercall": [lambda: _providers(now)],
                "operations.view_job": [_dead_letters],
                "ledger.view_proof": [lambda: _proof(now)],
                "ledger.view_closedday": [_closed_day],
                "operations.view_stopswitch": [_switches],
            },
        ),
        "charts": _charts(today) if _may(user, "ledger.view_journalentry") else [],
        "today": today,
    }


def _permitted(user: User, makers: dict[str, list[Callable[[], Card]]]) -> list[Card]:
    return [make() for permission, cards in makers.items() if _may(user, permission) for make in cards]


def _may(user: User, permission: str) -> bool:
    return isinstance(user, PermissionsMixin) and user.has_perm(permission)


def _amounts(found: Iterable[Money]) -> list[Cell]:
    """Return the largest currencies first, and how many more there are."""
    ordered = sorted((money for money in found if money.minor), key=lambda money: -abs(money.decimal))
    shown: list[Cell] = [amount(money.display) for money in ordered[:CURRENCIES_SHOWN]]
    more = len(ordered) - len(shown)
    return [*shown, f"and {more} more"] if more > 0 else shown or ["nothing"]


def _joined(words: str, cells: Sequence[Cell]) -> SafeString:
    return format_html("{}{}", words, format_html_join(", ", "{}", ((cell,) for cell in cells)))


def _list_url(page: str, query: str = "") -> str:
    return reverse(f"admin:{page}_changelist") + query


def _captured(today: date) -> Card:
    found = ledger.booked_by_day(recipe="payment_captured", account="psp:{psp}:clearing", since=today)
    return Card(
        title="Captured today",
        icon="shopping_cart",
        url=_list_url(
            "ledger_journalentry", f"?recipe=payment_captured&business_date_from={today}&business_date_to={today}"
        ),
        lines=_amounts(day.total for day in found),
        note=f"booked into {today:%A, %d %B}",
    )


def _commission(today: date) -> Card:
    found = ledger.booked_by_day(recipe="payment_captured", account=chart.COMMISSION, since=today)
    return Card(
        title="Commission today",
        icon="percent",
        url=f"{reverse('admin:ledger_account_general_ledger')}?under={chart.COMMISSION}&since={today}&until={today}",
        lines=_amounts(-day.total for day in found),
        note="of what was captured, before refunds",
    )


def _owed() -> Card:
    """Return all that we owe sellers; what is in a payout left their balances, and is owed until it arrives."""
    wallets = {wallet.currency: wallet for wallet in ledger.wallet_totals()}
    leaving = {money.currency: money for money in ledger.balances_of(code=chart.IN_TRANSIT)}
    kept = {currency: one.pending + one.available + one.reserved for currency, one in wallets.items()}
    nothing = {currency: Money(0, currency) for currency in {*kept, *leaving}}
    available = _amounts(wallet.available for wallet in wallets.values())
    return Card(
        title="Owed to sellers",
        icon="storefront",
        url=_list_url("payments_seller"),
        lines=_amounts(kept.get(one, none) + leaving.get(one, none) for one, none in nothing.items()),
        note=format_html(
            "{}<br>{}",
            _joined("of which may be paid out: ", available),
            _joined("in payouts under way: ", _amounts(leaving.values())),
        ),
    )


def _at_providers() -> Card:
    return Card(
        title="At the provider",
        icon="account_balance",
        url=_list_url("ledger_account", "?q=psp:"),
        lines=_amounts(found.balance for found in ledger.provider_balances()),
        note="clearing accounts, by our books",
    )


def _waiting_payouts() -> Card:
    waiting = proposed_totals()
    batches = sum(count for count, _ in waiting)
    return Card(
        title="Payouts for a second person",
        icon="how_to_reg",
        url=_list_url("payouts_batch", "?state__exact=proposed"),
        lines=_amounts(total for _, total in waiting) if batches else ["none"],
        note=f"{format_count(batches, 'batch', 'batches')} waiting" if batches else "nothing waits",
        tone="look" if batches else "calm",
    )


def _waiting(title: str, count: int, *, icon: str, url: str, note: str, none: str = "nothing waits") -> Card:
    """Return how many wait for a person; `none` is the note where there are none."""
    return Card(
        title=title,
        icon=icon,
        url=url,
        lines=[str(count) if count else "none"],
        note=note if count else none,
        tone="look" if count else "calm",
    )


def _waiting_journals(count: int) -> Card:
    url = _list_url("ledger_manualjournal", "?state__exact=requested" if count else "")
    return _waiting("Journals for a second person", count, icon="edit_note", url=url, note="not booked until approved")


def _waiting_refunds(count: int) -> Card:
    url = _list_url("payments_refund", "?state__exact=requested&needs_approval__exact=1")
    return _waiting("Refunds for a second person", count, icon="undo", url=url, note="not sent until approved")


def _risk_reviews(count: int) -> Card:
    url = _list_url("operations_approval", "?state__exact=requested&kind=payments.risk_review")
    note = "held by the risk check until somebody decides"
    return _waiting("Payments to look at", count, icon="policy", url=url, note=note, none="the risk check holds none")


def _disputes() -> Card:
    count = disputes_wanting_evidence()
    url = _list_url("payments_dispute", f"?state__in={','.join(sorted(WANTS_EVIDENCE))}")
    note = "lost if nothing is handed in by the deadline"
    return _waiting("Disputes that want evidence", count, icon="gavel", url=url, note=note, none="nothing to hand in")


def _discrepancies() -> Card:
    count = open_discrepancies()
    at_risk = [money for money in money_at_risk() if money.minor]
    return Card(
        title="Open discrepancies",
        icon="difference",
        url=_list_url("reconciliation_discrepancy", f"?state__in={DiscrepancyState.OPEN},{DiscrepancyState.ASSIGNED}"),
        lines=[str(count) if count else "none"],
        note=_joined("at risk: ", [amount(money.display) for money in at_risk]) if at_risk else "no money at risk",
        tone="bad" if count else "good",
    )


def _dead_letters() -> Card:
    count = dead_letters()
    return Card(
        title="Dead letters",
        icon="work_history",
        url=_list_url("operations_job", "?state__exact=dead"),
        lines=[str(count) if count else "none"],
        note="work that needs a person" if count else "every job found its way",
        tone="bad" if count else "good",
    )


def _questions() -> Card:
    """Return what people are asked; a figure that is wrong is told before what waits longer."""
    alerts, count = open_alerts(), waiting_tasks()
    first = alerts[0] if alerts else oldest_question() if count else None
    return Card(
        title="Questions",
        icon="contact_support",
        url=_list_url("operations_humantask", "?state__exact=open"),
        lines=[str(count) if count else "none"],
        note=Truncator(first.reason).chars(NOTE_LENGTH) if first else "every figure that is watched is right",
        tone="bad" if alerts else "look" if count else "good",
    )


def _providers(now: datetime) -> Card:
    found = provider_health(psps=configured_providers(), now=now)
    asked = [one for one in found if one.calls]
    silent = [one for one in found if one.verdict == "silent"]
    slowest = max((one.p95_ms or 0 for one in asked), default=0)
    calls = format_count(sum(one.calls for one in asked), "call")
    return Card(
        title="Providers",
        icon="sensors",
        url=reverse("admin:payments_providercall_acceptance"),
        lines=[f"{one.psp}: {_VERDICTS[one.verdict]}" for one in found],
        note=f"{calls} in 15 min, 95% within {slowest:,} ms" if asked else "no calls in the last 15 minutes",
        tone="bad" if silent else "look" if any(one.verdict == "partly" for one in found) else "good",
    )


def _proof(now: datetime) -> Card:
    proof = ledger.latest_proof()
    if proof is None:
        return Card(
            title="Books", icon="verified", url=_list_url("ledger_proof"), lines=["not proved yet"], tone="look"
        )
    overdue = proof_is_overdue(ran_at=proof.ran_at, now=now)
    return Card(
        title="Books",
        icon="verified",
        url=_list_url("ledger_proof"),
        lines=["proved" if proof.green else "NOT PROVED"],
        note=_joined(
            f"{format_count(proof.entries, 'entry', 'entries')}, {'the hourly proof is overdue: ' if overdue else ''}",
            [moment(proof.ran_at)],
        ),
        tone="bad" if not proof.green else "look" if overdue else "good",
    )


def _closed_day() -> Card:
    closed = ledger.last_closed_day()
    return Card(
        title="Last closed day",
        icon="lock",
        url=_list_url("ledger_closedday"),
        lines=[f"{closed:%d %B %Y}" if closed else "none yet"],
        note="nothing can be booked into it any more" if closed else "every day is still open",
    )


def _switches() -> Card:
    stopped = stopped_switches()
    return Card(
        title="Stop switches",
        icon="front_hand",
        url=_list_url("operations_stopswitch"),
        lines=[", ".join(stopped) if stopped else "all running"],
        note="stopped: new ones are refused" if stopped else "checkout, payouts and refunds",
        tone="bad" if stopped else "good",
    )


def _charts(today: date) -> list[Chart]:
    since = today - timedelta(days=DAYS_SHOWN - 1)
    found = ledger.booked_by_day(recipe="payment_captured", account="psp:{psp}:clearing", since=since)
    by_currency: dict[str, dict[date, Money]] = {}
    for day in found:
        days = by_currency.setdefault(day.total.currency, {})
        days[day.business_date] = days.get(day.business_date, Money(0, day.total.currency)) + day.total
    charts = [_chart(currency, days, since) for currency, days in by_currency.items()]
    return sorted(charts, key=lambda chart: -len([bar for bar in chart.bars if bar.percent]))[:CURRENCIES_SHOWN]


def _chart(currency: str, days: dict[date, Money], since: date) -> Chart:
    highest = max(money.minor for money in days.values())
    bars = []
    for offset in range(DAYS_SHOWN):
        day = since + timedelta(days=offset)
        money = days.get(day, Money(0, currency))
        bars.append(Bar(day=day, shown=amount(money.display), percent=max(0, money.minor * 100 // max(highest, 1))))
    total = sum((money for money in days.values()), start=Money(0, currency))
    return Chart(currency=currency, total=amount(total.display), bars=bars)
