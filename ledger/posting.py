"""The only code that writes the books."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError
from psycopg.errors import CheckViolation

from ledger import chart
from ledger.entries import Entry, Line, Posted, require_balanced
from ledger.recipes import RECIPES
from operations import database
from operations.edges import require_transaction
from operations.errors import DomainError

_POST = database.queries("ledger")["post"]
_POST_BATCH = database.queries("ledger")["post_batch"]


class UnknownRecipe(DomainError):
    """{recipe!r} is not in the recipe book."""

    code = "unknown_recipe"


class InsufficientFunds(DomainError):
    """The entry {recipe} {reference} would take an account of the seller below zero."""

    code = "insufficient_funds"


class HoldExceeded(DomainError):
    """The entry {recipe} {reference} would take more than is held under one of its items: it was resolved before."""

    code = "hold_exceeded"


class ReferenceReused(DomainError):
    """{recipe} {reference} is in the books already, with another {field}: {first} there, {second} now."""

    code = "reference_reused"


class BatchRepeats(DomainError):
    """One of the {entries} entries of the batch is in it twice."""

    code = "batch_repeats"


def post(entry: Entry, *, actor: str, now: datetime) -> Posted:  # tidy: the entry is what is posted
    """Write an entry into the books, once, inside the caller's transaction.

    The same (recipe, reference) again returns the first entry and writes nothing. Raises ReferenceReused when
    its content differs, naming the field; InsufficientFunds when a seller's account would go below zero;
    HoldExceeded when an item is resolved a second time; UnknownRecipe, UnknownAccount, NotBalanced for an entry
    that no recipe makes.
    """
    require_transaction("post")
    return write(entry, actor=actor, now=now)


def post_batch(entries: Sequence[Entry], *, actor: str, now: datetime) -> list[Posted]:  # tidy: they are what is posted
    """Write many entries in one round trip, inside the caller's transaction: all of them, or none.

    Returns what came of each, in their order; those that stand already are left as they are, as by `post`.
    Within the batch balances move in the order given. Raises what `post` raises, and BatchRepeats.
    """
    require_transaction("post a batch")
    if not entries:
        return []
    if len({(entry.recipe, entry.reference) for entry in entries}) < len(entries):
        raise BatchRepeats(entries=len(entries))
    for entry in entries:
        _check(entry)
    digests = [digest_of(entry) for entry in entries]
    try:
        ids, created, stand = database.call_prepared(_POST_BATCH, _batch_parameters(entries, digests, actor, now))
    except IntegrityError as error:
        raise _explained(error, entries[0]) from error
    for entry, digest, stands, entry_id in zip(entries, digests, stand, ids, strict=True):
        if bytes(stands) != digest:
            raise _contradiction(entry, entry_id)
    return [Posted(entry_id=one, created=new) for one, new in zip(ids, created, strict=True)]


def write(entry: Entry, *, actor: str, now: datetime) -> Posted:  # tidy: the entry is what is posted
    """Write an entry in one round trip: what `post` does, for whoever has seen to the transaction."""
    _check(entry)
    digest = digest_of(entry)
    try:
        entry_id, created, stands = database.call_prepared(_POST, _parameters(entry, digest, actor, now))
    except IntegrityError as error:
        raise _explained(error, entry) from error
    if bytes(stands) != digest:
        raise _contradiction(entry, entry_id)
    return Posted(entry_id=entry_id, created=created)


def digest_of(entry: Entry) -> bytes:
    """Return the SHA-256 of an entry's lines, in the order of the recipe."""
    rows = [f"{line.account}|{line.amount.minor}|{line.amount.currency}|{line.item}" for line in entry.lines]
    return hashlib.sha256("\n".join(rows).encode()).digest()


def _check(entry: Entry) -> None:
    if entry.recipe not in RECIPES:
        raise UnknownRecipe(recipe=entry.recipe)
    require_balanced(entry)


def _parameters(entry: Entry, digest: bytes, actor: str, now: datetime) -> list[Any]:
    # Sorted by account, currency and item, so that everybody locks balances and holds in the same order.
    order = sorted(range(len(entry.lines)), key=lambda position: _place(entry.lines[position]))
    lines = [entry.lines[position] for position in order]
    today = now.date()
    return [
        entry.recipe,
        entry.reference,
        entry.subject,
        entry.description,
        actor,
        today,
        entry.value_date or today,
        now,
        digest,
        *_lines_of_accounts(lines),
        database.integer_array(order),
        database.integer_array(line.amount.minor for line in lines),
        database.text_array(line.item for line in lines),
    ]


def _place(line: Line) -> tuple[str, str, str]:
    return line.account, line.amount.currency, line.item


def _batch_parameters(entries: Sequence[Entry], digests: list[bytes], actor: str, now: datetime) -> list[Any]:
    today = now.date()
    lines = [line for entry in entries for line in entry.lines]
    return [
        database.text_array(entry.recipe for entry in entries),
        database.text_array(entry.reference for entry in entries),
        database.text_array(entry.subject for entry in entries),
        database.text_array(entry.description for entry in entries),
        actor,
        today,
        database.text_array(str(entry.value_date or today) for entry in entries),
        now,
        database.text_array("\\x" + digest.hex() for digest in digests),
        database.integer_array(len(entry.lines) for entry in entries),
        database.integer_array(number for number, entry in enumerate(entries, start=1) for _ in entry.lines),
        *_lines_of_accounts(lines),
        database.integer_array(position for entry in entries for position in range(len(entry.lines))),
        database.integer_array(line.amount.minor for line in lines),
        database.text_array(line.item for line in lines),
    ]


def _lines_of_accounts(lines: Sequence[Line]) -> tuple[str, str, str]:
    return (
        database.text_array(line.account for line in lines),
        database.text_array(line.amount.currency for line in lines),
        database.text_array(chart.template_of(line.account).type.value for line in lines),
    )


def _explained(error: IntegrityError, entry: Entry) -> Exception:
    cause = error.__cause__
    broken = cause.diag.constraint_name if isinstance(cause, CheckViolation) else None
    if broken in ("balance_not_negative", "line_amount_and_balance"):
        return InsufficientFunds(recipe=entry.recipe, reference=entry.reference)
    if broken == "hold_not_negative":
        return HoldExceeded(recipe=entry.recipe, reference=entry.reference)
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
