"""The bad inputs that money-in must bear: each row has a test that carries its number.

A test says which rows it shows: `@pytest.mark.bad_input("B20", "B7-B10")`. The expectation common to all is a problem
that names the field, no row changed, and no error of ours.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = {
    "B1": "an amount of zero",
    "B2": "a negative amount",
    "B3": "an amount as a JSON number with a fraction",
    "B4": "an amount as a JSON number that happens to be whole",
    "B5": "an amount of another JSON type than the one that is taken: here text is right, and an integer is not",
    "B6": "true or null for an amount",
    "B7": "digits grouped by underscores, which Python would read",
    "B8": "digits of another script",
    "B9": "full-width digits",
    "B10": "digits with space around them",
    "B11": "NaN and Infinity, bare and as text",
    "B12": "a number that overflows when it is read as a float",
    "B13": "amounts beyond what the database holds",
    "B14": "an exponent",
    "B15": "more decimals than the currency has",
    "B16": "decimals by currency: none for JPY, three for BHD",
    "B17": "currencies that do not exist, or are not written as ISO 4217 does",
    "B18": "two currencies in one cart, or a refund in another than was paid",
    "B19": "totals and fees of the client's own, and a commission above the sale",
    "B20": "a JSON name twice in one object",
    "B21": "fields that nobody knows",
    "B22": "bodies too deep, too large, with too many orders",
    "B23": "bodies that are not JSON in UTF-8, whatever they call themselves",
    "B24": "NUL, lone surrogates, invisible and endless text, text that is code somewhere",
    "B25": "line breaks in text, in headers, in what is logged",
    "B26": "an idempotency key that is missing, empty, too long, or not ASCII",
    "B27": "a key again: with another body, at another address, by another client, all at once",
    "B28": "a key guessed from another client",
    "B29": "refunds of more than was paid, at once, of a refund, of a disputed payment",
    "B30": "payouts of more than is available, twice at once, to an account that may not be paid",
    "B31": "the id of another storefront's object, anywhere",
    "B32": "filters, cursors and sort orders that reach into the database",
    "B33": "pages to return to that are not the storefront's",
    "B34": "webhook addresses that lead inside, when they are saved and when they are used",
    "B35": "card numbers, anywhere",
    "B36": "numbers that look like cards and are none",
}
_ROW = re.compile(r"B(\d+)(?:-B(\d+))?\Z")


def shown_by() -> dict[str, list[str]]:
    """Return which tests carry each row's number."""
    found: dict[str, list[str]] = {}
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        for function in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef):
                for row in _rows(function):
                    found.setdefault(row, []).append(f"{file.name}::{function.name}")
    return found


def _rows(function: ast.FunctionDef) -> Iterator[str]:
    for mark in function.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.bad_input":
            for argument in mark.args:
                first, last = _bounds(ast.literal_eval(argument))
                yield from (f"B{number}" for number in range(first, last + 1))


def _bounds(text: str) -> tuple[int, int]:
    found = _ROW.match(text)
    assert found, f"{text!r} is no row and no span of rows"
    return int(found[1]), int(found[2] or found[1])


class TestABadInput:
    def test_has_a_test_in_every_row(self) -> None:
        assert set(ROWS) - set(shown_by()) == set()

    def test_is_in_the_list_that_its_test_names(self) -> None:
        assert set(shown_by()) - set(ROWS) == set()
