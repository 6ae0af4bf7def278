"""Cells and rows of CSV: RFC 4180, UTF-8, lines ended by CR LF.

**Formulas.** A spreadsheet runs a cell that begins with = + - @, a tab or a line end, or with a full-width form of
these signs, some of them with blanks before it; and so it does with what follows a separator, where it splits cells
at another one than ours, and takes the quotes around ours for its own. References, items and descriptions are other
people's words, so there an apostrophe is put in front of such a sign, as the OWASP page on CSV injection advises
(https://owasp.org/www-community/attacks/CSV_Injection). Where apostrophes stood there already, one more is added:
`original` takes exactly the added ones away. Numbers and dates are ours; they stay bare.
"""

import csv
import io
import re
from collections.abc import Iterable
from datetime import date

from ledger.money import Money

_DANGEROUS = "=+\\-@\t\r\n＝＋－＠"
_PLACE = r"(?:^|(?<=[,;\t\r\n]))"
# Blanks, and what is printed as little as they are; quotes go where somebody splits the row at another separator.
_BLANK = r"[\s\x00\ufeff\"]"
_UNSAFE = re.compile(rf"{_PLACE}(?='*{_BLANK}*[{_DANGEROUS}])")
_MADE_SAFE = re.compile(rf"{_PLACE}'(?='*{_BLANK}*[{_DANGEROUS}])")

Cell = str | int | date


def safe(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return _UNSAFE.sub("'", text)


def original(cell: str) -> str:
    """Return the text that `safe` was given."""
    return _MADE_SAFE.sub("", cell)


def row_of(cells: Iterable[Cell]) -> str:
    """Return one row, with its line end; texts that are not ours have been made safe by then."""
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def sides(debit: Money) -> tuple[str, str]:
    """Return an amount in its column, debit or credit; the other one is empty."""
    return ("", (-debit).text) if debit.minor < 0 else (debit.text, "")
