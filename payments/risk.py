"""Risk checks: what is asked of a payment before it is executed, and the rules that need nobody outside.

A check is a function of a `RiskQuestion` that returns a `Verdict`. `config/wiring.py` says which kinds there are,
`settings.RISK_CHECK` which one is asked. It runs with no transaction open, so a check may ask another company; one
that raises has not answered, and the payment waits until it does.
"""

import unicodedata
from dataclasses import dataclass
from typing import Literal

from django.conf import settings

from ledger.money import Money


@dataclass(frozen=True, kw_only=True)
class RiskQuestion:
    """What a check learns of a payment. Nothing of it is a card number."""

    checkout: str
    storefront: str
    amount: Money
    name: str
    email: str
    country: str
    sellers: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a check says, by which of its rules, and why."""

    decision: Literal["accept", "reject", "review"]
    rule: str = ""
    reason: str = ""


def accept(question: RiskQuestion) -> Verdict:
    """Let everything pass: the check of those who leave it to their provider."""
    return Verdict(decision="accept", rule="none", reason="no check is configured")


def by_lists(question: RiskQuestion) -> Verdict:
    """Reject whom a sanctions list names and countries that are closed; have large amounts looked at by a person.

    `RISK_BLOCKED_NAMES`, `RISK_BLOCKED_COUNTRIES`, and `RISK_REVIEW_ABOVE_MINOR` (minor units by currency).
    """
    blocked = {_plain(name) for name in settings.RISK_BLOCKED_NAMES}
    if question.name and _plain(question.name) in blocked:
        return Verdict(decision="reject", rule="sanctions_list", reason="the buyer's name is on the list")
    if question.country and question.country in settings.RISK_BLOCKED_COUNTRIES:
        return Verdict(decision="reject", rule="closed_country", reason=f"payments from {question.country} are closed")
    limit = settings.RISK_REVIEW_ABOVE_MINOR.get(question.amount.currency)
    if limit is not None and question.amount.minor > limit:
        return Verdict(decision="review", rule="large_amount", reason=f"{question.amount} is above the limit")
    return Verdict(decision="accept", rule="lists", reason="on no list, and within the limit")


# Answered by settings alone: asked within the transaction that stores the payment, no other company hears of it.
ASKS_NOBODY = frozenset({accept, by_lists})


def _plain(name: str) -> str:
    """Return a name as lists are compared: without accents, case and the order of its words."""
    letters = unicodedata.normalize("NFKD", name).casefold()
    text = "".join(letter if letter.isalnum() else " " for letter in letters if not unicodedata.combining(letter))
    return " ".join(sorted(text.split()))
