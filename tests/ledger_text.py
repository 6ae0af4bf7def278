"""Ledger expectations as debit/credit text tables, in the words of an accountant."""

import re
from collections.abc import Mapping

from ledger.entries import Entry
from ledger.money import Money, parse_amount
from ledger.selectors import entries_about, trial_balance

_ROW = re.compile(r"(debit|credit)\s+(\S+)\s+([\d.]+)\s+([A-Z]{3})\Z")


def assert_posted(
    subject: str, tables: Mapping[str, str], *, names: Mapping[str, str], ignoring: tuple[str, ...] = ()
) -> None:
    """Assert that the journal has exactly these entries about a subject, besides recipes that are ignored.

    `tables` maps each recipe to its table: one `debit|credit ACCOUNT AMOUNT CURRENCY` a line, in any order.
    `names` maps our ids to the names that the tables use: {"sel_06f…": "ann"}.
    """
    posted = {
        entry["recipe"]: sorted(
            _shown(line["account"], line["amount"].minor, line["amount"].currency, names) for line in entry["lines"]
        )
        for entry in entries_about(subjects=[subject])
        if entry["recipe"] not in ignoring
    }
    assert posted == {recipe: sorted(_rows(table)) for recipe, table in tables.items()}


def assert_balances(table: str, *, names: Mapping[str, str]) -> None:
    """Assert every balance that is not zero, one `debit|credit ACCOUNT AMOUNT CURRENCY` a line."""
    found = [
        _shown(account.code, account.debit_minor, account.currency, names)
        for account in trial_balance()
        if account.debit_minor
    ]
    assert sorted(found) == sorted(_rows(table))


def _rows(table: str) -> list[tuple[str, str, int, str]]:
    rows = []
    for line in filter(None, (line.strip() for line in table.splitlines())):
        found = _ROW.match(line)
        assert found, f"not a ledger line: {line!r}"
        side, account, amount, currency = found.groups()
        rows.append((side, account, parse_amount(amount, currency).minor, currency))
    return rows


def _shown(account: str, minor: int, currency: str, names: Mapping[str, str]) -> tuple[str, str, int, str]:
    for ours, name in names.items():
        account = account.replace(ours, name)
    return ("debit" if minor > 0 else "credit", account, abs(minor), currency)


def assert_entry(entry: Entry, table: str) -> None:
    """Assert an entry's lines in order, one `debit|credit ACCOUNT AMOUNT CURRENCY ITEM` a line; `-` is no item."""
    found = [
        f"{'debit' if line.amount.minor > 0 else 'credit'} {line.account}"
        f" {Money(abs(line.amount.minor), line.amount.currency)} {line.item or '-'}"
        for line in entry.lines
    ]
    assert found == [" ".join(line.split()) for line in table.splitlines() if line.strip()]
