"""A manual journal as people check it: balanced tables, what it does to the balances, the evidence."""

from collections.abc import Iterable

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ledger import chart
from ledger.entries import Line
from ledger.exchanges import Exchange
from ledger.journals.effects import Effect, effects
from ledger.models import ManualJournal, ManualJournalAttachment
from ledger.money import Money
from ledger.states import ManualJournalState
from operations.admin_display import (
    NOTHING,
    Cell,
    Panel,
    account_cell,
    amount,
    columns,
    moment,
    page_link,
    state_label,
    words,
)
from operations.names import names_of
from operations.selectors import approvals_about

# Enough to tell files apart; the whole of it shows when one rests on it.
DIGEST_SHOWN = 12
OPEN = (ManualJournalState.DRAFTED, ManualJournalState.REQUESTED)


def checked_panels(journal: ManualJournal) -> list[Panel]:
    """Return what is decided about: the lines, the balances before and after while it is open, the evidence."""
    moved = [effects_panel(effects(journal=journal))] if journal.state in OPEN else []
    return [*line_panels(journal.entry_lines), *moved, attachments_panel(journal)]


def line_panels(lines: Iterable[Line]) -> list[Panel]:
    """Return lines as debits and credits, one table a currency, with both columns' totals."""
    by_currency: dict[str, list[Line]] = {}
    for line in lines:
        by_currency.setdefault(line.amount.currency, []).append(line)
    names = names_of({line.account for group in by_currency.values() for line in group})
    return [_lines_panel(currency, group, names) for currency, group in by_currency.items()]


def exchange_panel(exchange: Exchange) -> Panel:
    """Return the three amounts of an exchange, the fee and the rate."""
    named = {
        "In the currency of presentment": exchange.presentment,
        "In the currency of settlement": exchange.settlement,
        "Taken into the books for": exchange.ledger,
        "Fee": exchange.fee,
    }
    return Panel(
        title="Currency exchange",
        note=str(exchange.rate),
        columns=columns("What", "Amount#"),
        rows=[(what, amount(money.display)) for what, money in named.items()],
    )


def effects_panel(found: Iterable[Effect]) -> Panel:
    """Return the balance of each account before and after."""
    moved = list(found)
    names = names_of({effect.account for effect in moved})
    return Panel(
        title="Balances before and after",
        note="as the books stand now, each on its account's normal side",
        columns=columns("Account", "Before#", "After#"),
        rows=[
            (
                account_cell(effect.account, names.get(effect.account, ""), chart.template_of(effect.account).purpose),
                amount(effect.before.display),
                format_html("{}{}", amount(effect.after.display), _remark(effect)),
            )
            for effect in moved
        ],
    )


def attachments_panel(journal: ManualJournal) -> Panel:
    """Return the files that show why, to be downloaded."""
    return Panel(
        title="Attachments",
        columns=columns("File", "Size#", "SHA-256", "Added by", "Added"),
        rows=[_attachment(journal, file) for file in journal.attachments.defer("content").order_by("pk")],
        empty="No file was attached.",
    )


def approval_panel(journal: ManualJournal) -> Panel:
    """Return who was asked, and what they decided."""
    return Panel(
        title="Approval",
        columns=columns("State", "Asked by", "Asked", "Decided by", "Note", "Decided"),
        rows=[
            (
                state_label(approval.state, approval.get_state_display()),
                approval.maker,
                moment(approval.requested_at),
                approval.checker or NOTHING,
                approval.note or NOTHING,
                moment(approval.decided_at),
            )
            for approval in approvals_about(subject=f"manual_journal:{journal.pk}")
        ],
        empty="Nobody was asked.",
    )


def totals(journal: ManualJournal) -> SafeString:
    """Return the sum of the debits in each currency."""
    return format_html_join(" ", "{}", ((amount(total.display),) for total in journal.totals.values()))


def totals_text(journal: ManualJournal) -> str:
    """Return the sum of the debits in each currency, for a sentence."""
    return " and ".join(str(total.display) for total in journal.totals.values())


def original_link(journal: ManualJournal) -> Cell:
    """Return the entry that a reversal mirrors."""
    if journal.reverses is None:
        return NOTHING
    text = f"{journal.reverses_id} · {words(journal.reverses.recipe)}"
    return page_link("ledger_journalentry", journal.reverses_id, text)


def facts(journal: ManualJournal) -> list[tuple[str, Cell]]:
    """Return what a hand's page says about a journal."""
    told: list[tuple[str, Cell]] = [
        ("Debits = credits", totals(journal)),
        ("Written by", journal.maker),
        ("Written", moment(journal.created_at)),
        ("Value date", str(journal.value_date) if journal.value_date else "the day it is booked"),
    ]
    if journal.reverses_id:
        told.append(("Reverses entry", original_link(journal)))
    return [*told, ("Reason", format_html('<span class="cf-long">{}</span>', journal.description))]


def _lines_panel(currency: str, lines: list[Line], names: dict[str, str]) -> Panel:
    debits = sum(max(line.amount.minor, 0) for line in lines)
    credits = sum(max(-line.amount.minor, 0) for line in lines)
    return Panel(
        title=f"Debits and credits in {currency}",
        columns=columns("Account and item", "Debit#", "Credit#"),
        rows=[
            (
                account_cell(line.account, names.get(line.account, ""), line.item),
                amount(line.amount.display if line.amount.minor > 0 else None),
                amount((-line.amount).display if line.amount.minor < 0 else None),
            )
            for line in lines
        ],
        total=("Total", amount(Money(debits, currency).display), amount(Money(credits, currency).display)),
    )


def _remark(effect: Effect) -> SafeString:
    label = ""
    if effect.overdraws:
        label = state_label("below_zero", "the books never let a seller's account go below zero")
    elif effect.opens:
        label = state_label("new_account", "there is no such account yet: this journal opens it")
    return format_html('<span class="cf-under">{}</span>', label)


def _attachment(journal: ManualJournal, file: ManualJournalAttachment) -> tuple[Cell, ...]:
    address = reverse("admin:ledger_manualjournal_attachment", args=[journal.pk, file.pk])
    link = format_html('<a class="cf-link" href="{}" download><bdi>{}</bdi></a>', address, file.name)
    digest = format_html('<span class="cf-code" title="{}">{}…</span>', file.sha256, file.sha256[:DIGEST_SHOWN])
    return (link, _size(file.size), digest, file.added_by, moment(file.added_at))


def _size(size: int) -> str:
    return f"{-(-size // 1024):,} KB"
