"""Which numbers the card schemes give out: how they begin, how many digits they have.

Prefixes and lengths are those of "Payment card number" (Wikipedia, table of issuer identification numbers, after
ISO/IEC 7812 and the schemes' own notices). Schemes of one country within another's range, such as RuPay's 60 and 65
or Elo's, need no row of their own.
"""

from dataclasses import dataclass

SHORTEST, LONGEST = 12, 19


@dataclass(frozen=True)
class Scheme:
    """One row: a scheme's numbers begin with `first` to `last` and have so many digits."""

    name: str
    first: str
    last: str
    lengths: tuple[int, ...]


_TO_19 = (16, 17, 18, 19)
SCHEMES = (
    Scheme("Visa", "4", "4", (13, 16, 19)),
    Scheme("Mastercard", "51", "55", (16,)),
    Scheme("Mastercard", "2221", "2720", (16,)),
    Scheme("American Express", "34", "34", (15,)),
    Scheme("American Express", "37", "37", (15,)),
    Scheme("Discover", "6011", "6011", _TO_19),
    Scheme("Discover", "644", "649", _TO_19),
    Scheme("Discover", "65", "65", _TO_19),
    Scheme("Diners Club", "300", "305", (14, 15, *_TO_19)),
    Scheme("Diners Club", "309", "309", (14, 15, *_TO_19)),
    Scheme("Diners Club", "36", "36", (14, 15, *_TO_19)),
    Scheme("Diners Club", "38", "39", (14, 15, *_TO_19)),
    Scheme("JCB", "3528", "3589", _TO_19),
    Scheme("UnionPay", "62", "62", _TO_19),
    Scheme("UnionPay", "81", "81", _TO_19),
    Scheme("RuPay", "82", "82", (16,)),
    Scheme("Mir", "2200", "2204", _TO_19),
    Scheme("Troy", "9792", "9792", (16,)),
    Scheme("Maestro", "50", "50", (12, 13, 14, 15, *_TO_19)),
    Scheme("Maestro", "56", "69", (12, 13, 14, 15, *_TO_19)),
)


def is_card_number(digits: str) -> bool:
    """Tell whether ASCII digits begin and end as a scheme's card number does: its prefix, length and check digit."""
    if not SHORTEST <= len(digits) <= LONGEST or digits[0] in "017":
        return False
    length = len(digits)
    known = any(
        length in scheme.lengths and scheme.first <= digits[: len(scheme.first)] <= scheme.last for scheme in SCHEMES
    )
    return known and _luhn(digits)


# What a digit counts for in Luhn's sum where it is doubled: 5 becomes 10, and 1 + 0 is 1.
_DOUBLED = dict(zip("0123456789", (0, 2, 4, 6, 8, 1, 3, 5, 7, 9), strict=True))


def _luhn(digits: str) -> bool:
    single, doubled = digits[-1::-2], digits[-2::-2]
    return (sum(map(int, single)) + sum(_DOUBLED[digit] for digit in doubled)) % 10 == 0
