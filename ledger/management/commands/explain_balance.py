"""`manage.py explain_balance`: what a balance consists of."""

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any, TextIO, cast

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ledger import chart, selectors
from ledger.explain import ExplainedItem, Explanation, as_json, explain_balance
from operations.errors import DomainError

DESCRIPTION = """\
Explain an account's balance: which open items it consists of, how old they are, what each is about and which
journal entries moved it, oldest first. An income, an expense or a tax is explained by kind of event and month.
The parts sum to the balance exactly; exit 1 if they do not.

Money that left in one lump for many items (a payout, a deposit) is taken from the oldest items first; with
--every-item each item stands as its own entries left it."""
EXAMPLES = """\
examples:
  manage.py explain_balance psp:stripe:clearing
  manage.py explain_balance seller:sel_06f:available --currency EUR --limit 1000
  manage.py explain_balance platform:commission --json"""
ENTRIES_SHOWN = 4
ITEMS_SHOWN = 50


class Command(BaseCommand):
    """Explain a balance."""

    help = DESCRIPTION

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        """Keep the lines of the description and the examples as they are written."""
        return super().create_parser(
            prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, epilog=EXAMPLES, **kwargs
        )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("account", help="an account's code, such as payouts:in_transit")
        parser.add_argument("--currency", help="one currency (default: each in which the account was used)")
        parser.add_argument("--limit", type=int, help=f"items to show (default: {ITEMS_SHOWN}; with --json all)")
        parser.add_argument("--every-item", action="store_true", help="do not take lump sums from the oldest items")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the explanation, of each currency in turn."""
        limit = options["limit"]
        if limit is None and not options["json"]:
            limit = ITEMS_SHOWN
        if limit is not None and limit < 1:
            raise CommandError("--limit must be 1 or more.")
        try:
            explanations = [
                explain_balance(
                    code=options["account"],
                    currency=currency,
                    now=timezone.now(),
                    limit=limit,
                    oldest_first=not options["every_item"],
                )
                for currency in _currencies(options["account"], options["currency"])
            ]
        except DomainError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            balances = [as_json(explanation) for explanation in explanations]
            self.stdout.write(json.dumps({"account": options["account"], "balances": balances}, ensure_ascii=False))
        else:
            for explanation in explanations:
                self._print(explanation)
        if any(explanation.remainder.minor for explanation in explanations):
            raise SystemExit(1)

    def _print(self, explanation: Explanation) -> None:
        console = Console(
            file=cast("TextIO", self.stdout), width=None if self.stdout.isatty() else 140, highlight=False
        )
        console.print(
            f"[bold]{escape(explanation.code)}[/bold]  {explanation.balance.display}  "
            f"[dim]{explanation.type.value}: {explanation.purpose}[/dim]"
        )
        console.print(_months_table(explanation) if not explanation.item_is else _items_table(explanation))
        if explanation.taken_items:
            console.print(
                f"{explanation.taken_items:,} items on the other side took {(-explanation.taken).display} "
                "from the oldest items first."
            )
        word = "exactly" if not explanation.remainder.minor else f"[bold red]NOT: {explanation.remainder} remain[/]"
        console.print(f"The parts sum to {explanation.explained.display}: the balance, {word}.\n")


def _currencies(code: str, wanted: str | None) -> list[str]:
    """Return the currencies to explain. Raises CommandError where nothing was ever booked."""
    used = [found.currency for found in selectors.trial_balance() if found.code == code]
    if wanted is not None:
        return [wanted]
    if not used:
        # A code that is not in the chart is told by its own error.
        chart.template_of(code)
        raise CommandError(f"Nothing was ever booked on {code}.")
    return used


def _items_table(explanation: Explanation) -> Table:
    table = Table("since", "days")
    for title in ("item", "about", "moved by"):
        # An identifier that is cut short cannot be looked up.
        table.add_column(title, overflow="fold")
    table.add_column("of", justify="right")
    table.add_column("in the balance", justify="right")
    for item in explanation.items:
        table.add_row(
            f"{item.since:%Y-%m-%d %H:%M}",
            f"{item.age.days:,}",
            escape(item.item or "(none)"),
            escape(item.subject),
            escape(_moved_by(item)),
            str(item.net.display) if item.net != item.amount else "",
            str(item.amount.display),
        )
    if explanation.more_items:
        table.add_row("", "", f"{explanation.more_items:,} younger items", "", "", "", str(explanation.more.display))
    table.add_section()
    table.add_row("", "", "", "", "", "", str(explanation.explained.display), style="bold")
    return table


def _months_table(explanation: Explanation) -> Table:
    table = Table("month", "event")
    table.add_column("entries", justify="right")
    table.add_column("moved", justify="right")
    for month in explanation.months:
        table.add_row(
            f"{month.month:%Y-%m}", month.recipe.replace("_", " "), f"{month.entries:,}", str(month.amount.display)
        )
    table.add_section()
    table.add_row("", "", "", str(explanation.explained.display), style="bold")
    return table


def _moved_by(item: ExplainedItem) -> str:
    shown = [f"{entry.recipe.replace('_', ' ')} #{entry.entry_id}" for entry in item.entries[:ENTRIES_SHOWN]]
    more = len(item.entries) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")
