"""What a played day looks like on a terminal, and as one line of JSON."""

import json
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

import ledger.selectors
from config.demo.day import DayEnd
from ledger.money import Money
from operations.counts import format_count

OK = "[green]yes[/green]"
NO = "[bold red]NO[/bold red]"


def totals_as_json(totals: dict[str, Any]) -> str:
    """Return the totals as one line."""
    return json.dumps(totals, separators=(", ", ": "))


def print_trial_balance(console: Console, currencies: Sequence[str]) -> None:
    """Print every account's balance, the sellers' summed, debits and credits side by side."""
    for currency in currencies:
        table = Table(title=f"Trial balance, {currency}", title_justify="left")
        table.add_column("account")
        table.add_column("debit", justify="right")
        table.add_column("credit", justify="right")
        debits = credits = Money(0, currency)
        for account, balance in _summed(currency).items():
            if balance.minor >= 0:
                debits += balance
                table.add_row(account, str(balance.display), "")
            else:
                credits -= balance
                table.add_row(account, "", str((-balance).display))
        table.add_section()
        table.add_row("total", str(debits.display), str(credits.display), style="bold")
        console.print(table)


def print_day_end(console: Console, end: DayEnd) -> None:
    """Print what finance did and found."""
    matched = ", ".join(f"{lines} {kind}" for kind, lines in sorted(end.matched.items())) or "nothing new"
    console.print(f"Released for payout: {format_count(end.released, 'order')}. Batches paid out: {len(end.batches)}.")
    console.print(f"Statement lines: {matched}. Open discrepancies: {end.open_discrepancies}.")
    console.print(f"Unexplained: {end.unexplained_minor} minor units. Books proved: {OK if end.books_proved else NO}.")
    if end.closed:
        console.print(f"Business day {end.closed} is closed.")
    else:
        console.print(f"The business day stays open: {end.not_closed_because}")


def _summed(currency: str) -> dict[str, Money]:
    """Return balances by account, debits positive, with all sellers under one name."""
    found: dict[str, Money] = {}
    for account in ledger.selectors.trial_balance(currency=currency):
        parts = account.code.split(":")
        name = f"all sellers: {parts[2]}" if parts[0] == "seller" else account.code
        found[name] = found.get(name, Money(0, currency)) + Money(account.debit_minor, currency)
    return dict(sorted(found.items()))
