"""The only code that writes the books."""

import hashlib
from datetime import datetime
from typing import Any

from django.db import IntegrityError
from psycopg.errors import CheckViolation

from ledger import chart
from ledger.entries import Entry, Posted
from ledger.recipes import RECIPES
from operations import database
from operations.edges import require_transaction
from operations.errors import DomainError


class UnknownRecipe(DomainError):
    """{recipe!r} is not in the recipe book."""

    code = "unknown_recipe"


class NotBalanced(DomainError):
    """The entry {recipe} {reference} does not balance: {remainder} {currency} remain."""

    code = "not_balanced"


class InsufficientFunds(DomainError):
    """The entry {recipe} {reference} would take an account of the seller below zero."""

    code = "insufficient_funds"


class ReferenceReused(DomainError):
    """{recipe} {reference} is in the books already, with another {field}: {first} there, {second} now."""

    code = "reference_reused"


def post(entry: Entry, *, actor: str, now: datetime) -> Posted:  # tidy: the entry is what is posted
    """Write an entry into the books, once, inside the caller's transaction.

    The same (recipe, reference) again returns the first entry and writes nothing. Raises ReferenceReused when
    its content differs, naming the field; InsufficientFunds when a seller's account would go below zero;
    UnknownRecipe, UnknownAccount, NotBalanced for an entry that no recipe makes.
    """
    require_transaction("post")
    _check(entry)
    digest = digest_of(entry)
    try:
        row = database.fetch_one(database.queries("ledger")["post"], _parameters(entry, digest, actor, now))
    except IntegrityError as error:
        raise _explained(error, entry) from error
    if bytes(row["digest"]) != digest:
        raise _contradiction(entry, int(row["entry_id"]))
    return Posted(entry_id=int(row["entry_id"]), created=bool(row["created"]))


def digest_of(entry: Entry) -> bytes:
    """Return the SHA-256 of an entry's lines, in the order of the recipe."""
    rows = [f"{line.account}|{line.amount.minor}|{line.amount.currency}|{line.item}" for line in entry.lines]
    return hashlib.sha256("\n".join(rows).encode()).digest()


def _check(entry: Entry) -> None:
    if entry.recipe not in RECIPES:
        raise UnknownRecipe(recipe=entry.recipe)
    remainders: dict[str, int] = {}
    for line in entry.lines:
        remainders[line.amount.currency] = remainders.get(line.amount.currency, 0) + line.amount.minor
    for currency, remainder in remainders.items():
        if remainder:
            raise NotBalanced(recipe=entry.recipe, reference=entry.reference, remainder=remainder, currency=currency)


def _parameters(entry: Entry, digest: bytes, actor: str, now: datetime) -> dict[str, Any]:
    # Sorted by account, so that everybody locks guarded balances in the same order.
    lines = sorted(enumerate(entry.lines), key=lambda pair: (pair[1].account, pair[0]))
    templates = [chart.template_of(line.account) for _, line in lines]
    return {
        "recipe": entry.recipe,
        "reference": entry.reference,
        "subject": entry.subject,
        "description": entry.description,
        "actor": actor,
        "business_date": now.date(),
        "value_date": entry.value_date or now.date(),
        "now": now,
        "digest": digest,
        "codes": [line.account for _, line in lines],
        "currencies": [line.amount.currency for _, line in lines],
        "types": [template.type.value for template in templates],
        "guarded": [template.guarded for template in templates],
        "positions": [position for position, _ in lines],
        "amounts": [line.amount.minor for _, line in lines],
        "items": [line.item for _, line in lines],
    }


def _explained(error: IntegrityError, entry: Entry) -> Exception:
    cause = error.__cause__
    if isinstance(cause, CheckViolation) and cause.diag.constraint_name == "balance_not_negative":
        return InsufficientFunds(recipe=entry.recipe, reference=entry.reference)
    return error


def _contradiction(entry: Entry, entry_id: int) -> ReferenceReused:
    """Name the first field in which an entry differs from the one in the books."""
    stored = database.fetch_all(database.queries("ledger")["entry_lines"], {"entry_id": entry_id})
    facts = {"recipe": entry.recipe, "reference": entry.reference}
    if len(stored) != len(entry.lines):
        return ReferenceReused(**facts, field="number of lines", first=len(stored), second=len(entry.lines))
    for position, (old, new) in enumerate(zip(stored, entry.lines, strict=True)):
        pairs = {
            "account": (old["code"], new.account),
            "currency": (old["currency"], new.amount.currency),
            "amount": (old["amount_minor"], new.amount.minor),
            "item": (old["item"], new.item),
        }
        for field, (first, second) in pairs.items():
            if first != second:
                return ReferenceReused(**facts, field=f"{field} in line {position}", first=first, second=second)
    return ReferenceReused(**facts, field="content", first="one digest", second="another")
