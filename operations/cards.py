"""What looks like a card number, and how it is made harmless wherever one turns up."""

import re

# Digits as they stand in a card number: in a row, or in groups split by single spaces or dashes.
CARD_LIKE = re.compile(r"(?<![\w-])(?:\d[ -]?){12,18}\d(?![\w-])")


def mask_cards(text: str) -> str:
    """Return a text with only the first six and the last four digits of each card-like number."""
    return CARD_LIKE.sub(_mask, text)


def looks_like_card_number(text: str) -> bool:
    """Tell whether text holds 13 to 19 digits that begin like a card scheme's and pass its check digit."""
    for found in CARD_LIKE.finditer(text):
        digits = re.sub(r"[ -]", "", found.group())
        if digits[0] in "23456" and _luhn(digits):
            return True
    return False


def _mask(found: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", found.group())
    return f"{digits[:6]}…{digits[-4:]}"


def _luhn(digits: str) -> bool:
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if position % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
