"""What free text may hold: nothing that breaks a line or a terminal, and no card number. One place for all of it.

Whoever takes words from people asks `require_fit`, whichever way they came: a form, a command, another service.
"""

import re

from operations.cards import looks_like_card_number
from operations.errors import DomainError

# The control characters of ASCII and Latin-1 (U+0085 is a line's end to many tools), and Unicode's own line and
# paragraph ends.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# The same but for what a page's text area sends by itself.
_CONTROL_IN_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


class TextRefused(DomainError):
    """The {field} {problem}."""

    code = "text_refused"


def problem_of(text: str, *, lines: bool = False) -> str:
    """Return why a text cannot be kept, as the end of a sentence; empty where it can. `lines`: it may have several."""
    if (_CONTROL_IN_LINES if lines else CONTROL).search(text) or _SURROGATE.search(text):
        return "holds a control character"
    if looks_like_card_number(text):
        return "looks like a card number, which is never kept here"
    return ""


def require_fit(**texts: str) -> None:
    """Raise TextRefused, naming the text, for a reason or a note that cannot be kept."""
    for field, text in texts.items():
        problem = problem_of(text, lines=True)
        if problem:
            raise TextRefused(field=field, problem=problem)
