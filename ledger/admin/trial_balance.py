"""The trial balance as people sign it: debits left, credits right, both columns the same sum."""

from collections.abc import Iterable
from itertools import groupby

from ledger import chart
from ledger.chart import AccountType
from ledger.money import Money
from ledger.selectors import AccountBalance
from operations.admin_display import Cell, Panel, amount, columns, format_count, list_link

_ORDER = {kind: place for place, kind in enumerate(AccountType)}


def trial_balance_panels(balances: Iterable[AccountBalance]) -> list[Panel]:
    """Return one table per currency. The accounts of all sellers stand on one line per kind."""
    in_order = sorted(balances, key=lambda found: found.currency)
    return [_currency_panel(currency, list(group)) for currency, group in groupby(in_order, key=lambda f: f.currency)]


def _currency_panel(currency: str, balances: list[AccountBalance]) -> Panel:
    lines: dict[str, list[AccountBalance]] = {}
    for found in balances:
        template = chart.template_of(found.code)
        lines.setdefault(template.pattern if template.guarded else found.code, []).append(found)
    ordered = sorted(lines.items(), key=lambda line: (_ORDER[line[1][0].type], line[0]))
    sums = [sum(found.debit_minor for found in group) for _, group in ordered]
    return Panel(
        title=currency,
        columns=columns("Account", "Type", "Purpose", "Debit#", "Credit#"),
        rows=[_row(name, group, total, currency) for (name, group), total in zip(ordered, sums, strict=True)],
        total=(
            "Total",
            "",
            "",
            amount(Money(sum(total for total in sums if total > 0), currency).display),
            amount(Money(-sum(total for total in sums if total < 0), currency).display),
        ),
    )


def _row(name: str, group: list[AccountBalance], debit_minor: int, currency: str) -> tuple[Cell, ...]:
    template = chart.template_of(group[0].code)
    shown = format_count(len(group), "seller") if template.guarded else name
    part = name.rsplit(":", 1)[-1]
    return (
        list_link("ledger_account", f"{shown}: {part}", f"?q=seller:&currency={currency}")
        if template.guarded
        else list_link("ledger_account", name, f"?q={name}&currency={currency}"),
        template.type.value.capitalize(),
        template.purpose,
        amount(Money(debit_minor, currency).display if debit_minor > 0 else None),
        amount(Money(-debit_minor, currency).display if debit_minor <= 0 else None),
    )
