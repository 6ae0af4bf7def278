"""The trial balance as people sign it: debits left, credits right, both columns the same sum."""

from collections.abc import Callable, Iterable
from itertools import groupby

from ledger import chart
from ledger.chart import AccountType
from ledger.money import Money
from ledger.selectors import AccountBalance
from operations.admin_display import Cell, Panel, amount, columns, list_link
from operations.counts import format_count

_ORDER = {kind: place for place, kind in enumerate(AccountType)}


def trial_balance_panels(
    balances: Iterable[AccountBalance],
    *,
    account_links: Callable[[str, str], Cell],
    report_links: Callable[[str], Cell],
) -> list[Panel]:
    """Return one table per currency. The accounts of all sellers stand on one line per kind.

    `account_links` makes the ways into an account, from its code and currency; `report_links` those into a currency.
    """
    in_order = sorted(balances, key=lambda found: found.currency)
    return [
        _currency_panel(currency, list(group), report_links(currency), account_links)
        for currency, group in groupby(in_order, key=lambda found: found.currency)
    ]


def _currency_panel(
    currency: str, balances: list[AccountBalance], note: Cell, account_links: Callable[[str, str], Cell]
) -> Panel:
    lines: dict[str, list[AccountBalance]] = {}
    for found in balances:
        template = chart.template_of(found.code)
        lines.setdefault(template.pattern if template.guarded else found.code, []).append(found)
    ordered = sorted(lines.items(), key=lambda line: (_ORDER[line[1][0].type], line[0]))
    sums = [sum(found.debit_minor for found in group) for _, group in ordered]
    return Panel(
        title=currency,
        note=note,
        columns=columns("Account", "Type~", "Purpose~", "Debit#", "Credit#", "Look into"),
        rows=[
            _row(name, group, Money(total, currency), account_links)
            for (name, group), total in zip(ordered, sums, strict=True)
        ],
        total=(
            "Total",
            "",
            "",
            amount(Money(sum(total for total in sums if total > 0), currency).display),
            amount(Money(-sum(total for total in sums if total < 0), currency).display),
            "",
        ),
    )


def _row(
    name: str, group: list[AccountBalance], debit: Money, account_links: Callable[[str, str], Cell]
) -> tuple[Cell, ...]:
    template = chart.template_of(group[0].code)
    of_whom = f"{format_count(len(group), 'seller')}: {name.rsplit(':', 1)[-1]}"
    return (
        list_link("ledger_account", of_whom, f"?q=seller:&currency={debit.currency}")
        if template.guarded
        else list_link("ledger_account", name, f"?q={name}&currency={debit.currency}"),
        template.type.value.capitalize(),
        template.purpose,
        amount(debit.display if debit.minor > 0 else None),
        amount((-debit).display if debit.minor <= 0 else None),
        "" if template.guarded else account_links(name, debit.currency),
    )
