"""The handbook of the books, for accountants: written from the chart and from the recipes' own tables."""

import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from ledger.chart import CHART, AccountType, Template
from ledger.entries import Entry
from ledger.recipes import RECIPES

INTRODUCTION = """\
# The books

<!-- Written by `manage.py ledger_handbook` from ledger/chart.py and ledger/recipes/. Change those, not this page. -->

Every amount stands here twice. A business event becomes one **entry** in the journal: two lines or more, each a debit
or a credit on one account, which sum to zero in each currency. The list of events below is closed: nothing else can
be posted, and each event is booked exactly as its table says. Lines of zero are left out.

**Signs.** In the database a debit is positive and a credit is negative. Assets and expenses grow by debits;
liabilities, income and equity grow by credits. People are shown balances on the side on which the account grows.

**Amounts** are whole numbers of the currency's smallest unit: cents, yen, fils. An account is kept in each currency
apart, and no entry mixes two of them but a currency exchange, which balances in both.

**Guarded** accounts are the sellers': their balances are stored, locked while money moves, and never below zero. Where
money waits under an item, such as a payout, each item is guarded by itself: it is resolved once, and never gives more
than it holds. All other balances are the sums of their lines.

**Items.** A line carries the open item it belongs to: on a provider's account the provider's own object, on a
seller's account the payment order, on payouts in transit the payout. When an item is settled, its lines on the
account sum to zero; what does not is an open item, with an age. A payout or a deposit takes the money of many items
at once: it bears an item of its own, and is taken from the oldest first. So every balance can be explained.

**References.** An entry carries the provider's id of what happened, or our own. The same event under the same
reference is in the books once, however often it is told; told with another content, it is refused.

**Dates.** The *value date* is the day on which the money moved in the outside world. The *business date* is the day of
the books: today, or the first open day when a day is closed already. A closed day never changes.

**Corrections.** Nothing is edited and nothing is deleted. A wrong entry is reversed by a new one, and the right one is
posted beside it. What no event describes is a manual journal, above a limit with a second person.
"""
_KINDS = {
    AccountType.ASSET: "asset",
    AccountType.LIABILITY: "liability",
    AccountType.INCOME: "income",
    AccountType.EXPENSE: "expense",
    AccountType.EQUITY: "equity",
}
_CHART_HEAD = (
    "| account | kind | grows by | whose | guarded | what stands on it | an open item is |",
    "| --- | --- | --- | --- | --- | --- | --- |",
)
# Where the amount begins in a line of a recipe's table: `Dr  account                      amount`.
_AMOUNT_AT = 33


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a recipe's table: the side, the account or what stands for it, and the amount in words."""

    side: str
    account: str
    amount: str


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a recipe says of itself: sentences, and the table that an accountant signs."""

    name: str
    source: str
    family: str
    sentences: tuple[str, ...]
    table: tuple[Row, ...]

    @property
    def title(self) -> str:
        """Return the name as people say it: payment_captured -> Payment captured."""
        return self.name.replace("_", " ").capitalize()

    @property
    def text(self) -> str:
        """Return the page in Markdown."""
        rows = [f"{row.side}  {row.account:<{_AMOUNT_AT - 5}} {row.amount}" for row in self.table]
        table = "\n".join(["```text", *rows, "```"])
        return "\n\n".join([f"### {self.title}", *self.sentences, table, f"`{self.name}` in `{self.source}`"])


def handbook() -> str:
    """Return the handbook in Markdown: an introduction, the chart of accounts, and every event with its table."""
    chart = "\n".join(["## Accounts", "", *_CHART_HEAD, *(_chart_row(template) for template in CHART)])
    return "\n\n".join([INTRODUCTION.rstrip(), chart, *_families()]) + "\n"


def page_of(recipe: Callable[..., Entry]) -> Page:
    """Return a recipe's page, read from its docstring. Raises ValueError for one without a table in its place."""
    paragraphs = (inspect.getdoc(recipe) or "").split("\n\n")
    lines = paragraphs[-1].splitlines()
    if len(paragraphs) < 2 or not all(_is_row(line) for line in lines):
        raise ValueError(f"the docstring of {recipe.__name__} does not end with its table")
    module = recipe.__module__
    return Page(
        name=recipe.__name__,
        source=module.replace(".", "/") + ".py",
        family=" ".join((sys.modules[module].__doc__ or "").split("\n\n")[0].split()),
        sentences=tuple(" ".join(paragraph.split()) for paragraph in paragraphs[:-1]),
        table=tuple(
            Row(side=line[:2], account=line[4:_AMOUNT_AT].strip(), amount=line[_AMOUNT_AT:].strip()) for line in lines
        ),
    )


def _is_row(line: str) -> bool:
    side, account, amount = line[:4], line[4:_AMOUNT_AT], line[_AMOUNT_AT:]
    return side in ("Dr  ", "Cr  ") and account.endswith(" ") and bool(amount) and amount == amount.strip()


def _chart_row(template: Template) -> str:
    cells = (
        f"`{template.pattern}`",
        _KINDS[template.type],
        "debit" if template.type.debit_normal else "credit",
        template.owner.value,
        "the balance" if template.guarded else "each item" if template.held else "",
        template.purpose,
        template.item,
    )
    return "| " + " | ".join(cells) + " |"


def _families() -> Iterator[str]:
    pages = [page_of(recipe) for recipe in RECIPES.values()]
    for family, members in groupby(pages, key=attrgetter("family")):
        title, _, rest = family.partition(":") if ":" in family.partition(".")[0] else family.partition(".")
        yield f"## {title}"
        if rest.strip():
            yield rest.strip()[0].upper() + rest.strip()[1:]
        yield from (page.text for page in members)
