"""What looks like a card number, and how it is made harmless wherever one turns up."""

import re

# Digits as they stand in a card number: in a row, or in groups split by single spaces or dashes.
CARD_LIKE = re.compile(r"(?<![\w-])(?:\d[ -]?){12,18}\d(?![\w-])")


def mask_cards(text: str) -> str:
    """Return a text with only the first six and the last four digits of each card-like number."""
    return CARD_LIKE.sub(_mask, text)


def _mask(found: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", found.group())
    return f"{digits[:6]}…{digits[-4:]}"
