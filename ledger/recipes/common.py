"""What all recipes share: how an entry is put together, and what is refused before a line is made.

No wrong argument becomes a balanced entry: amounts are checked for their sign, parts for their sum, and everything
for its currency (adding two currencies raises CurrencyMismatch).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from ledger import chart
from ledger.entries import Entry, Line
from ledger.exchanges import Exchange
from ledger.money import Money
from operations.errors import DomainError

# Where money can be, outside our books.
_HELD = ("psp:{psp}:clearing", "bank:{account}")


class AmountNotPositive(DomainError):
    """{recipe} {reference}: {field} must be more than zero, not {amount}."""

    code = "amount_not_positive"


class AmountNegative(DomainError):
    """{recipe} {reference}: {field} must not be negative, but is {amount}."""

    code = "amount_negative"


class SplitDoesNotSum(DomainError):
    """{recipe} {reference}: the parts sum to {parts}, but {field} is {whole}."""

    code = "split_does_not_sum"


class NothingToBook(DomainError):
    """{recipe} {reference}: {problem}"""

    code = "nothing_to_book"


class BadArgument(DomainError):
    """{recipe} {reference}: {field} {problem}"""

    code = "bad_argument"


@dataclass(frozen=True, slots=True)
class Event:
    """A business event on its way to an entry: it checks its own facts, and every refusal names it."""

    recipe: str
    reference: str

    def __post_init__(self) -> None:
        # Of all events without a reference, the books would take the first, and call the others repetitions.
        if not self.reference:
            raise self.refuse("reference", "must not be empty: by it an event counts once.")

    def positive(self, **amounts: Money) -> None:
        """Refuse an amount that is not more than zero. Raises AmountNotPositive."""
        for field, amount in amounts.items():
            if amount.minor <= 0:
                raise AmountNotPositive(recipe=self.recipe, reference=self.reference, field=field, amount=str(amount))

    def not_negative(self, **amounts: Money) -> None:
        """Refuse an amount below zero. Raises AmountNegative."""
        for field, amount in amounts.items():
            if amount.minor < 0:
                raise AmountNegative(recipe=self.recipe, reference=self.reference, field=field, amount=str(amount))

    def sums(self, field: str, whole: Money, parts: Sequence[Money]) -> None:
        """Refuse parts that do not sum to the whole. Raises SplitDoesNotSum, CurrencyMismatch."""
        found = sum(parts, start=Money(0, whole.currency))
        if found != whole:
            raise SplitDoesNotSum(
                recipe=self.recipe, reference=self.reference, parts=str(found), field=field, whole=str(whole)
            )

    def named(self, lines: Sequence[Line]) -> None:
        """Refuse to hold money under no item: nothing could tell when it is resolved. Raises BadArgument."""
        for line in lines:
            if not line.item and chart.template_of(line.account).itemised:
                raise self.refuse("item", f"must be said on {line.account}: what stands there consists of items.")

    def refuse(self, field: str, problem: str) -> BadArgument:
        """Return the error for an argument that is wrong in another way."""
        return BadArgument(recipe=self.recipe, reference=self.reference, field=field, problem=problem)

    def entry(
        self,
        lines: Sequence[Line],
        *,
        subject: str = "",
        description: str = "",
        value_date: date | None = None,
        exchange: Exchange | None = None,
    ) -> Entry:
        """Return the entry of the lines that are not zero.

        Raises NothingToBook when none is left, BadArgument for one that would belong to no item where it must.
        """
        kept = tuple(line for line in lines if line.amount.minor != 0)
        if not kept:
            raise NothingToBook(recipe=self.recipe, reference=self.reference, problem="every amount is zero.")
        self.named(kept)
        return Entry(
            recipe=self.recipe,
            reference=self.reference,
            lines=kept,
            subject=subject,
            description=description,
            value_date=value_date,
            exchange=exchange,
        )


def nothing(like: Money) -> Money:
    """Return zero in the currency of another amount."""
    return Money(0, like.currency)


def numbered(reference: str, number: int) -> str:
    """Return the reference of the first, second… time that the same thing happens: `dp_1`, `dp_1:2`."""
    return f"{reference}:{number}" if reference and number != 1 else reference


def held_at(event: Event, *, psp: str, field: str, account: str) -> str:
    """Return the account of money outside: the provider's, or the one that is given. Raises BadArgument."""
    if bool(psp) == bool(account):
        raise event.refuse(field, "and psp: give one of the two.")
    if not account:
        return chart.clearing(psp)
    if chart.template_of(account).pattern not in _HELD:
        raise event.refuse(field, f"must be one of {' or '.join(_HELD)}, not {account}.")
    return account
