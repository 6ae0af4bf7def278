"""The only code that writes the books."""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import IntegrityError
from psycopg.errors import CheckViolation

from ledger import chart
from ledger.entries import Entry, Posted, require_balanced
from ledger.exchanges import Exchange
from ledger.recipes import RECIPES
from ledger.selectors import exchange_of
from operations import database
from operations.edges import require_transaction
from operations.errors import DomainError
from operations.prepared import call_prepared

_POST = database.queries("ledger")["post"]
_POST_EXCHANGE = database.queries("ledger")["post_exchange"]
_POST_BATCH = database.queries("ledger")["post_batch"]
# Account, currency, item, position, minor units: one line of an entry, as it is sorted and written.
_Placed = tuple[str, str, str, int, int]


class UnknownRecipe(DomainError):
    """{recipe!r} is not in the recipe book."""

    code = "unknown_recipe"


class InsufficientFunds(DomainError):
    """The entry {recipe} {reference} would take an account of the seller below zero."""

    code = "insufficient_funds"


class HoldExceeded(DomainError):
    """The entry {recipe} {reference} would take more than is held under one of its items: it was resolved before."""

    code = "hold_exceeded"


class ReturnedMoreThanPaid(DomainError):
    """The entry {recipe} {reference} would give back more than was paid of its payout, or to another seller."""

    code = "returned_more_than_paid"


class TextNotApart(DomainError):
    """A text of the entry {recipe} {reference!r} holds U+001F, which stands between the texts in an entry's hash."""

    code = "text_not_apart"


# What the constraints of the books mean to whoever posts.
_REFUSALS: dict[str, type[DomainError]] = {
    "balance_not_negative": InsufficientFunds,
    "line_amount_and_balance": InsufficientFunds,
    "returned_within_paid": ReturnedMoreThanPaid,
    "hold_not_negative": HoldExceeded,
    "entry_texts_are_apart": TextNotApart,
}
# How many entries of a batch a refusal names.
_MOST_NAMED = 3


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
    HoldExceeded when an item is resolved a second time; ReturnedMoreThanPaid when more of a payout would come back
    than left; UnknownRecipe, UnknownAccount, NotBalanced for an entry that no recipe makes.
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
    placed = []
    for entry in entries:
        _check(entry)
        placed.append(_placed(entry))
    digests = [_digest(lines, entry.exchange) for lines, entry in zip(placed, entries, strict=True)]
    try:
        found = call_prepared(_POST_BATCH, _batch_parameters(entries, placed, digests, actor, now))
    except IntegrityError as error:
        raise _explained(error, entries) from error
    ids, created, stand = (field.strip("{}").split(",") if field else [] for field in found)
    posted = [Posted(entry_id=int(one), created=new == "t") for one, new in zip(ids, created, strict=True)]
    for entry, digest, stands, written in zip(entries, digests, stand, posted, strict=True):
        if stands.strip('"\\') != f"x{digest.hex()}":
            raise _contradiction(entry, written.entry_id)
    _require_same(entries, posted)
    return posted


def write(entry: Entry, *, actor: str, now: datetime) -> Posted:  # tidy: the entry is what is posted
    """Write an entry in one round trip: what `post` does, for whoever has seen to the transaction."""
    _check(entry)
    placed = _placed(entry)
    digest = _digest(placed, entry.exchange)
    parameters = _parameters(entry, placed, digest, actor, now)
    try:
        if entry.exchange is None:
            entry_id, created, stands = call_prepared(_POST, parameters)
        else:
            entry_id, created, stands = call_prepared(_POST_EXCHANGE, [*parameters, json.dumps(entry.exchange.row)])
    except IntegrityError as error:
        raise _explained(error, [entry]) from error
    posted = Posted(entry_id=int(entry_id or 0), created=created == "t")
    if stands != f"\\x{digest.hex()}":
        raise _contradiction(entry, posted.entry_id)
    if not posted.created:
        _require_same([entry], [posted])
    return posted


def _require_same(entries: Sequence[Entry], posted: Sequence[Posted]) -> None:
    """Compare what an entry says beside its lines with what the books have, where they had it before.

    A value date is compared where one is said: without, it is the day of posting, and another when it is repeated. A
    description is for people: with its wording changed the event is the same. Raises ReferenceReused.
    """
    stood = {one.entry_id: entry for entry, one in zip(entries, posted, strict=True) if not one.created}
    if not stood:
        return
    for row in database.fetch_all(database.queries("ledger")["entry_heads"], {"entries": list(stood)}):
        entry = stood[row["id"]]
        for field in ("subject", "value_date"):
            first, second = row[field], getattr(entry, field)
            if second is not None and first != second:
                raise ReferenceReused(
                    recipe=entry.recipe, reference=entry.reference, field=field, first=first, second=second
                )


def _placed(entry: Entry) -> list[_Placed]:
    """Return an entry's lines by account, currency and item: everybody locks balances and holds in the same order."""
    return sorted(
        (line.account, line.amount.currency, line.item, position, line.amount.minor)
        for position, line in enumerate(entry.lines)
    )


def _digest(placed: list[_Placed], exchange: Exchange | None) -> bytes:
    """Return the SHA-256 of an entry's lines, in the order in which they are written, and of an exchange's facts.

    An item may hold any character, so its length stands before it: no two sets of lines are one text.
    """
    rows = [
        f"{position}|{account}|{currency}|{minor}|{len(item)}|{item}"
        for account, currency, item, position, minor in placed
    ]
    if exchange is not None:
        rows.append(exchange.digested)
    return hashlib.sha256("\n".join(rows).encode()).digest()


def _check(entry: Entry) -> None:
    if entry.recipe not in RECIPES:
        raise UnknownRecipe(recipe=entry.recipe)
    require_balanced(entry)


def _parameters(entry: Entry, placed: list[_Placed], digest: bytes, actor: str, now: datetime) -> list[Any]:
    today = now.astimezone(UTC).date()
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
        *_columns(placed),
    ]


def _columns(placed: list[_Placed]) -> list[str]:
    accounts, currencies, items, positions, amounts = zip(*placed, strict=True)
    return [
        database.text_array(accounts),
        database.text_array(currencies),
        database.text_array(map(_type_of, accounts)),
        database.integer_array(positions),
        database.integer_array(amounts),
        database.text_array(items),
    ]


def _type_of(account: str) -> str:
    return chart.template_of(account).type


def _batch_parameters(
    entries: Sequence[Entry], placed: list[list[_Placed]], digests: list[bytes], actor: str, now: datetime
) -> list[Any]:
    today = now.astimezone(UTC).date()
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
        database.integer_array(len(lines) for lines in placed),
        database.integer_array(number for number, lines in enumerate(placed, start=1) for _ in lines),
        *_columns([line for lines in placed for line in lines]),
        json.dumps([entry.exchange and entry.exchange.row for entry in entries])
        if any(entry.exchange for entry in entries)
        else "",
    ]


def _explained(error: IntegrityError, entries: Sequence[Entry]) -> Exception:
    """Return what the refusal of a guard means, naming the entry; of a batch, those that it can be about."""
    cause = error.__cause__
    refusal = _REFUSALS.get(cause.diag.constraint_name or "") if isinstance(cause, CheckViolation) else None
    if refusal is None or not isinstance(cause, CheckViolation):
        return error
    found = _meant(cause.diag.message_detail or "", entries)
    recipe = " or ".join(dict.fromkeys(entry.recipe for entry in found))
    return refusal(recipe=recipe, reference=" or ".join(entry.reference for entry in found))


def _meant(detail: str, entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries with a line on the account, or under the item, that PostgreSQL shows of the row it refused."""
    fields = set(detail.partition("(")[2].rpartition(")")[0].split(", "))
    about = [e for e in entries if any({line.account, line.item} & fields - {""} for line in e.lines)]
    return (about or list(entries))[:_MOST_NAMED]


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
    kept = exchange_of(entry_id=entry_id)
    if kept and entry.exchange:
        for field, first in kept.facts.items():
            if first != (second := entry.exchange.facts[field]):
                return ReferenceReused(**facts, field=field, first=first, second=second)
    return ReferenceReused(**facts, field="content", first="one digest", second="another")
