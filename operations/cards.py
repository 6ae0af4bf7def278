"""What looks like a card number, and how it is made harmless wherever one turns up.

A text is cut into rows: groups of digits with nothing between them but what people put between a card's. Where one
stands alone, or some together are grouped as cards are, it is a candidate. Refused is a candidate that a scheme could
have given out; masked, where nothing is lost by it, is every one. Each pattern reads a text once, however long: none
can match the same characters in two ways.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from operations.card_schemes import LONGEST, SHORTEST, is_card_number
from operations.not_cards import PHONE_LONGEST, follows_plus, spans_of_ids

# Between two groups stand spaces, dashes, dots and underscores of any kind, line breaks, and what cannot be seen; or
# any of these as addresses (%20, +) and quoted texts (\n, \u00a0) write them.
_BETWEEN = (
    r"(?:[\s._\-\x00-\x1f\x7f-\x9f\xad\xb7\u058a\u061c\u180e\u200b-\u200f\u2010-\u2015\u2022\u2027\u202a-\u202e"
    r"\u2043\u2060-\u206f\u20e3\u2212\u30fb\ufe00-\ufe0f\ufe58\ufe63\ufeff\uff0d\uff0e]"
    r"|(?<=\d)\+(?=\d)"
    r"|%(?:20|09|0[AaDd]|2[BbDdEe]|5[Ff]|[Cc]2%[Aa]0|[Ee]2%80%[89Aa][0-9A-Fa-f])"
    r"|\\(?:[nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}))"
)
# How much may stand between two groups: more is the next column of a table.
_GAP = 4
_MAYBE = re.compile(rf"\d(?:{_BETWEEN}{{0,{_GAP}}}\d){{{SHORTEST - 1}}}")
_TOKEN = re.compile(
    r"(?P<escape>%[0-9A-Fa-f]{2}|\\(?:[nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}))"
    r"|(?P<letters>[^\W\d_]+)"
    rf"|(?P<row>\d+(?:{_BETWEEN}{{1,{_GAP}}}\d+)*)"
)
_GROUP = re.compile(rf"{_BETWEEN}+|(?P<group>\d+)")
# A day and its time, as ids have them: two digits each of year, month, day, hour, minute, second.
_MOMENT = re.compile(r"\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d[0-5]\d")
_LETTERS = re.compile(r"[^\W\d_]+")
# What is in no token: behind it a text is cut into tokens as if it began there.
_BORDERS = frozenset('",:;{}[]()<>=&/')
_BORDER = re.compile("[" + re.escape("".join(sorted(_BORDERS))) + "]")


def looks_like_card_number(text: str) -> bool:
    """Tell whether text holds a number that a card scheme could have given out.

    Not one within a valid IBAN, a UUID or an international phone number, nor digits that are a part of a word with
    other digits in it, as in ids and digests, nor an id's that is a prefix, an underscore and a number.
    """
    ids: list[tuple[int, int]] | None = None
    for row in _rows(text):
        for first, last in row.candidates():
            if last <= row.phone or row.is_in_an_id(first, last) or not is_card_number(row.digits(first, last)):
                continue
            ids = spans_of_ids(text) if ids is None else ids
            start, end = row.span(first, last)
            if not any(start < other_end and other_start < end for other_start, other_end in ids):
                return True
    return False


def mask_cards(text: str) -> str:
    """Return a text with only the first six and the last four digits of each number that may be a card's."""
    kept, done = [], 0
    for row in _rows(text):
        for first, last in row.to_mask():
            start, end = row.span(first, last)
            digits = row.digits(first, last)
            kept += [text[done:start], f"{digits[:6]}…{digits[-4:]}"]
            done = end
    return "".join([*kept, text[done:]])


@dataclass(frozen=True, kw_only=True)
class _Row:
    """Groups of digits by their places in a text, and what stands right beside the first and the last one.

    Beside it is "" at a word's border, "letters" where it ends a word as in Bea4242, "mixed" in a word that has more
    digits elsewhere, as in 3f4242, or "prefix", as in cart_4242. Some of its groups are named as a slice: by the first
    one, and the one after the last.
    """

    text: str
    groups: tuple[tuple[int, int], ...]
    sizes: tuple[int, ...]
    before: str
    after: str
    #: How many of its groups can be the phone number with which it begins.
    phone: int

    def span(self, first: int, last: int) -> tuple[int, int]:
        return self.groups[first][0], self.groups[last - 1][1]

    def digits(self, first: int, last: int) -> str:
        """Return the digits of some groups as ASCII, whatever script they were written in."""
        digits = "".join(self.text[start:end] for start, end in self.groups[first:last])
        return digits if digits.isascii() else "".join(str(int(digit)) for digit in digits)

    def beside(self, first: int, last: int) -> set[str]:
        return {self.before if first == 0 else "", self.after if last == len(self.groups) else ""}

    def is_in_an_id(self, first: int, last: int) -> bool:
        beside = self.beside(first, last)
        return "mixed" in beside or ("prefix" in beside and last == 1)

    def candidates(self) -> Iterator[tuple[int, int]]:
        """Yield what is written as card numbers are: in one, in fours, as 4-6-5, or alone and with a long group first.

        Not any groups that happen to sum to a card's length: so do dates, and lists of numbers.
        """
        for first, size in enumerate(self.sizes):
            if SHORTEST <= size <= LONGEST:
                yield first, first + 1
            elif size == 4:
                yield from ((first, last) for last in _fours(self.sizes, first))
        written = (_long_first(self.sizes) and not self._begins_with_a_moment()) or _even(self.sizes)
        if self._fits() and written and not self.phone:
            yield 0, len(self.sizes)

    def _begins_with_a_moment(self) -> bool:
        """Tell whether it is 261130-170501-0001: from 2022 to 2027 such numbers begin as Mastercard's do."""
        return self.sizes[:2] == (6, 6) and bool(_MOMENT.match(self.digits(0, 2)))

    def to_mask(self) -> list[tuple[int, int]]:
        """Return what to mask, from left to right: surely what could be a card's, and else whatever is written so."""
        written = list(self.candidates())
        whole = [(0, len(self.groups))] if self._fits() else []
        sure = _merged([one for one in [*written, *whole] if is_card_number(self.digits(*one))])
        covered = {group for first, last in sure for group in range(first, last)}
        endless = [(number, number + 1) for number, size in enumerate(self.sizes) if size > LONGEST]
        others = [
            one
            for one in [*written, *endless]
            if self.beside(*one) == {""} and sum(self.sizes[slice(*one)]) > SHORTEST and covered.isdisjoint(range(*one))
        ]
        return sorted([*sure, *_merged(others)])

    def _fits(self) -> bool:
        return len(self.groups) <= LONGEST and SHORTEST <= sum(self.sizes) <= LONGEST


def _fours(sizes: tuple[int, ...], first: int) -> Iterator[int]:
    """Yield where a number in groups of four may end, the last group being what is left, or one as 4-6-5 or 4-6-4."""
    total = 4
    for last in range(first + 1, len(sizes)):
        total += sizes[last]
        if total > LONGEST or sizes[last] > 4:
            break
        if total >= SHORTEST:
            yield last + 1
        if sizes[last] < 4:
            break
    if sizes[first + 1 : first + 3] in ((6, 5), (6, 4)):
        yield first + 3


def _long_first(sizes: tuple[int, ...]) -> bool:
    return len(sizes) > 1 and sizes[0] >= 4 and all(size >= 3 for size in sizes[1:-1])


def _even(sizes: tuple[int, ...]) -> bool:
    """Tell whether digits are written one by one, or two by two."""
    return sizes[0] <= 2 and set(sizes[:-1]) == {sizes[0]} and sizes[-1] <= sizes[0]


def _merged(slices: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return slices without overlaps: those that overlap as one."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(slices):
        if merged and first < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def _rows(text: str) -> Iterator[_Row]:
    """Yield each row that has as many digits as the shortest card number."""
    end = 0
    while maybe := _MAYBE.search(text, end):
        start = maybe.start()
        while start > end and text[start - 1] not in _BORDERS:
            start -= 1
        border = _BORDER.search(text, maybe.end())
        end = border.start() if border else len(text)
        yield from _rows_between(text, start, end)


def _rows_between(text: str, begin: int, until: int) -> Iterator[_Row]:
    word_end, letters, digits = -1, False, False
    for found in _TOKEN.finditer(text, begin, until):
        start, end = found.span()
        if start != word_end:
            letters = digits = False
        word_end = -1 if found.lastgroup == "escape" else end
        if found.lastgroup == "letters":
            letters = True
        elif found.lastgroup == "row":
            before = ("mixed" if digits else "letters") if letters else _prefix(text, start)
            groups = tuple(one.span() for one in _GROUP.finditer(text, start, end) if one["group"])
            sizes = tuple(last - first for first, last in groups)
            if sum(sizes) >= SHORTEST:
                phone = _phone(sizes) if follows_plus(text, start) else 0
                yield _Row(text=text, groups=groups, sizes=sizes, before=before, after=_after(text, end), phone=phone)
            digits, letters = True, letters and len(groups) == 1


def _prefix(text: str, start: int) -> str:
    return "prefix" if text[max(0, start - 1) : start] == "_" and text[max(0, start - 2) : start - 1].isalpha() else ""


def _after(text: str, end: int) -> str:
    letters = _LETTERS.match(text, end)
    if not letters:
        return ""
    return "mixed" if text[letters.end() : letters.end() + 1].isdecimal() else "letters"


def _phone(sizes: tuple[int, ...]) -> int:
    return sum(total <= PHONE_LONGEST for total in accumulate(sizes))
