"""How the console shows things: amounts, states, moments, references, and tables made of them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from djmoney.money import Money as DisplayMoney

from operations.models import Approval, AuditEntry, StateChange
from operations.names import names_of

Cell = str | SafeString
NOTHING = "–"
# Tables cut what is longer than this where there is no room: it shows whole when one rests on it.
_LONG = 16

# What a state means to the person who reads it, for every state machine: good, under way, look at it, bad.
_TONES = {
    "good": (
        "success succeeded paid done granted matched closed completed resolved handled proved released posted "
        "won warning_closed prevented accepted settled accept delivered answers"
    ),
    "busy": (
        "executing pending sent sending approved authorized doing parsed assigned received "
        "under_review warning_under_review appeal_under_review"
    ),
    "look": (
        "not_sent unknown requires_action in_review proposed requested timing open parked review "
        "needs_response warning_needs_response appeal_needs_response partly"
    ),
    "bad": (
        "below_zero disabled dropped failed dead discrepancy returned declined stopped not_proved revoked lost refused "
        "reject silent"
    ),
}
_TONE_OF = {state: tone for tone, states in _TONES.items() for state in states.split()}

# The page of each kind of subject. Names of higher rooms travel down here as strings only.
_PAGES = {
    "batch": "payouts_batch",
    "checkout": "payments_checkout",
    "day": "ledger_closedday",
    "discrepancy": "reconciliation_discrepancy",
    "dispute": "payments_dispute",
    "job": "operations_job",
    "manual_journal": "ledger_manualjournal",
    "order": "payments_paymentorder",
    "payout": "payouts_payout",
    "refund": "payments_refund",
    "seller": "payments_seller",
    "statement": "reconciliation_statement",
    "storefront": "operations_storefront",
    "storefront_event": "payments_storefrontevent",
    "surplus": "payments_surplus",
    "switch": "operations_stopswitch",
    "webhook_endpoint": "payments_webhookendpoint",
}


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a panel; numbers are set to the right. A side column gives way on narrow screens."""

    title: str
    numeric: bool = False
    aside: bool = False

    @property
    def classes(self) -> str:
        """Return the classes of its cells."""
        return " ".join(name for name, on in (("cf-numeric", self.numeric), ("cf-aside", self.aside)) if on)


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A table under a detail page. `total` is its last line, set apart."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    total: Sequence[Cell] = ()
    note: Cell = ""
    empty: str = "Nothing yet."

    @property
    def table(self) -> list[list[tuple[Column, Cell]]]:
        """Return the rows, each cell with its column."""
        return [list(zip(self.columns, row, strict=True)) for row in self.rows]

    @property
    def total_row(self) -> list[tuple[Column, Cell]]:
        """Return the total's cells with their columns."""
        return list(zip(self.columns, self.total, strict=True)) if self.total else []


def columns(*titles: str) -> list[Column]:
    """Return columns by their titles; one that ends in `#` is numeric, one in `~` gives way on narrow screens."""
    return [
        Column(title=title.rstrip("#~"), numeric=title.endswith("#"), aside=title.endswith("~")) for title in titles
    ]


def amount(shown: DisplayMoney | None) -> SafeString:
    """Return an amount as people read it: localised, in tabular figures, negative ones marked."""
    if shown is None:
        return format_html('<span class="cf-money">{}</span>', "")
    tone = " cf-money--negative" if shown.amount < 0 else ""
    return format_html('<span class="cf-money{}">{}</span>', tone, str(shown))


def state_label(state: str, phrase: str = "") -> SafeString:
    """Return a state as a coloured word, with its phrase for whoever rests on it."""
    tone = _TONE_OF.get(state.lower(), "calm")
    word = state.replace("_", " ").lower()
    return format_html('<span class="cf-label cf-label--{}" title="{}">{}</span>', tone, phrase, word)


def moment(at: datetime | None) -> Cell:
    """Return an instant in UTC to the minute; the second shows when one rests on it."""
    if at is None:
        return NOTHING
    shown = timezone.localtime(at)
    return format_html(
        '<time class="cf-time" datetime="{}" title="{}">{}</time>',
        shown.isoformat(),
        f"{shown:%Y-%m-%d %H:%M:%S} UTC",
        f"{shown:%Y-%m-%d %H:%M}",
    )


def code(text: str | None) -> Cell:
    """Return an identifier in the type in which identifiers are compared."""
    return format_html('<span class="cf-code"{}>{}</span>', _whole(text), text) if text else NOTHING


def _whole(text: str) -> Cell:
    """Return a title with a long text; nothing where the text is markup."""
    return "" if isinstance(text, SafeString) or len(text) <= _LONG else format_html(' title="{}"', text)


def name(text: str) -> SafeString:
    """Return a text that a stranger chose, held apart so that its script cannot reorder what stands beside it."""
    return format_html("<bdi>{}</bdi>", text)


def words(identifier: str) -> str:
    """Return a recipe's or event's name as people say it: payment_captured -> Payment captured."""
    return identifier.replace("_", " ").replace(".", " ").capitalize()


def page_link(page: str, key: object, text: str) -> SafeString:
    """Return a link to the console's page of one row; `page` is app_model."""
    address = reverse(f"admin:{page}_change", args=[quote(str(key))])
    return format_html('<a class="cf-link" href="{}"{}>{}</a>', address, _whole(text), text)


def list_link(page: str, text: str, query: str = "") -> SafeString:
    """Return a link to one of the console's lists."""
    return format_html('<a class="cf-link" href="{}{}">{}</a>', reverse(f"admin:{page}_changelist"), query, text)


def subject_link(subject: str) -> Cell:
    """Return a subject (kind:id) as a link to its page, or as it is where it has none."""
    kind, _, key = subject.partition(":")
    if not key or kind not in _PAGES:
        return code(subject)
    return page_link(_PAGES[kind], key, subject)


def money_column(attribute: str, title: str) -> Callable[[Any, Any], SafeString]:
    """Return a list column that shows a Money attribute. Name it `…_money`: its heading is set to the right."""
    read = attrgetter(attribute)

    @admin.display(description=title, ordering=f"{attribute}_minor")
    def column(_: Any, row: Any) -> SafeString:
        return amount(read(row).display)

    return column


def state_column(attribute: str = "state", title: str = "State") -> Callable[[Any, Any], SafeString]:
    """Return a list column that shows a choice field as a coloured word."""

    @admin.display(description=title, ordering=attribute)
    def column(_: Any, row: Any) -> SafeString:
        return state_label(str(getattr(row, attribute)), getattr(row, f"get_{attribute}_display")())

    return column


def time_column(attribute: str, title: str) -> Callable[[Any, Any], Cell]:
    """Return a list column that shows an instant, also a related row's (`entry.recorded_at`)."""

    read = attrgetter(attribute)

    @admin.display(description=title, ordering=attribute.replace(".", "__"))
    def column(_: Any, row: Any) -> Cell:
        return moment(read(row))

    return column


def code_column(attribute: str, title: str) -> Callable[[Any, Any], Cell]:
    """Return a list column that shows an identifier."""

    @admin.display(description=title, ordering=attribute)
    def column(_: Any, row: Any) -> Cell:
        return code(str(getattr(row, attribute) or ""))

    return column


def subject_column(attribute: str = "subject", title: str = "About") -> Callable[[Any, Any], Cell]:
    """Return a list column that links to what a row is about."""

    @admin.display(description=title, ordering=attribute)
    def column(_: Any, row: Any) -> Cell:
        return subject_link(getattr(row, attribute))

    return column


def two_lines(first: Cell, second: Cell) -> SafeString:
    """Return a cell with something said underneath."""
    return format_html('{}<span class="cf-under">{}</span>', first, second)


def account_cell(account: str, *under: str) -> SafeString:
    """Return an account as a link, with what is said about it underneath, so that amounts fit on a small screen."""
    link = list_link("ledger_account", account, f"?q={account}")
    said = ((text,) for text in under if text)
    lines = format_html_join("", '<span class="cf-under"><bdi>{}</bdi></span>', said)
    return format_html('<span class="cf-account">{}{}</span>', link, lines)


def entry_panels(entries: Iterable[dict[str, Any]]) -> list[Panel]:
    """Return journal entries, as `ledger.selectors.entries_about` gives them, as debit and credit tables."""
    shown = list(entries)
    names = names_of({line["account"] for entry in shown for line in entry["lines"]})
    return [_entry_panel(entry, names) for entry in shown]


def _entry_panel(entry: dict[str, Any], names: dict[str, str]) -> Panel:
    debits = [line["amount"] for line in entry["lines"] if line["amount"].minor > 0]
    credits = [-line["amount"] for line in entry["lines"] if line["amount"].minor < 0]
    return Panel(
        title=words(entry["recipe"]),
        columns=columns("Account and item", "Debit#", "Credit#"),
        rows=[
            (
                account_cell(line["account"], names.get(line["account"], ""), line["item"]),
                amount(line["amount"].display if line["amount"].minor > 0 else None),
                amount((-line["amount"]).display if line["amount"].minor < 0 else None),
            )
            for line in entry["lines"]
        ],
        total=("Total", _sums(debits), _sums(credits)),
        note=format_html(
            "{} · {} · {}",
            page_link("ledger_journalentry", entry["id"], f"Journal entry {entry['id']}"),
            code(entry["reference"]),
            moment(entry["recorded_at"]),
        ),
    )


def _sums(amounts: Iterable[Any]) -> SafeString:
    """Return the sum in each currency; the amounts are the ledger's, which stands above this room."""
    sums: dict[str, Any] = {}
    for each in amounts:
        sums[each.currency] = sums[each.currency] + each if each.currency in sums else each
    return format_html_join("", "{}", ((amount(total.display),) for total in sums.values()))


def history_panel(moves: Iterable[StateChange], *, title: str = "State history") -> Panel:
    """Return the moves of state machines, oldest first."""
    return Panel(
        title=title,
        columns=columns("When", "What", "From", "To", "By", "Reason"),
        rows=[
            (
                moment(move.at),
                format_html("{} {}", words(move.machine), code(move.subject_id)),
                state_label(move.from_state),
                state_label(move.to_state),
                move.actor,
                move.reason or NOTHING,
            )
            for move in moves
        ],
    )


def approvals_panel(approvals: Iterable[Approval]) -> Panel:
    """Return what was asked of a second person about one subject, and what came of it."""
    return Panel(
        title="Approval",
        columns=columns("State", "Asked by", "Reason", "Asked", "Decided by", "Note", "Decided"),
        rows=[
            (
                state_label(approval.state, approval.get_state_display()),
                approval.maker,
                approval.reason,
                moment(approval.requested_at),
                approval.checker or NOTHING,
                approval.note or NOTHING,
                moment(approval.decided_at),
            )
            for approval in approvals
        ],
        empty="No second person was needed.",
    )


def audit_panel(entries: Iterable[AuditEntry]) -> Panel:
    """Return who did what to one subject, oldest first."""
    return Panel(
        title="Audit trail",
        columns=columns("When", "Action", "By", "Facts"),
        rows=[(moment(entry.at), code(entry.action), entry.actor, _told(entry.facts)) for entry in entries],
    )


def _told(facts: dict[str, Any]) -> SafeString:
    return format_html('<span class="cf-told">{}</span>', facts_text(facts))


def facts_text(facts: dict[str, Any]) -> str:
    """Return an audit entry's facts on one line."""
    return ", ".join(f"{key.replace('_', ' ')}: {_fact(value)}" for key, value in facts.items()) or NOTHING


def _fact(value: Any) -> Any:
    if isinstance(value, bool):
        return ("no", "yes")[value]
    return NOTHING if value == "" else value
