"""Seals: what is final is hashed onto a chain and summed into checkpoints, behind the writers."""

import json
import logging
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path

from ledger.models import Seal
from operations import database
from operations.edges import money_tx
from operations.errors import DomainError

logger = logging.getLogger(__name__)

# How long a seal waits for transactions under way; they last for milliseconds. One that lasts longer only makes
# the next run do the work.
_PATIENCE_S = 2
# Partitions stand ready for as many months ahead, so that a job that failed for weeks loses nothing.
_MONTHS_AHEAD_DAYS = 92


class HeadFileBroken(DomainError):
    """Line {line} of {path} is no exported head: {problem}."""

    code = "head_file_broken"


@dataclass(frozen=True, kw_only=True)
class Head:
    """The head of the chain of seals at an instant: kept outside the database, it proves what stood in it."""

    seal_id: int
    hash: str
    sealed_at: str


def seal_journal(*, now: datetime) -> int | None:
    """Seal every entry of transactions that have ended, and return the seal's id.

    Returns None when nothing is new, or a transaction stays open for too long. Raises ObjectNotInPrerequisiteState
    of the database when transaction numbers begin again (see the command ledger_rebase).
    """
    sql = database.queries("ledger")
    with money_tx("ledger.put_barrier"):
        database.execute(sql["put_barrier"])
    with money_tx("ledger.seal"):
        facts = {"now": now, "patience_s": _PATIENCE_S}
        found = database.fetch_one(sql["seal"], facts)["seal_id"]
    return int(found) if found is not None else None


def head() -> Head | None:
    """Return the head of the chain, if anything was sealed yet."""
    last = Seal.objects.order_by("-pk").first()
    if last is None:
        return None
    return Head(seal_id=last.pk, hash=bytes(last.hash).hex(), sealed_at=last.sealed_at.isoformat())


def export_head(*, path: Path | None) -> Head | None:
    """Log the head of the chain and add it to a file of JSON lines, outside of what a database owner can change."""
    found = head()
    if found is None:
        return None
    logger.info("head of the books: seal %s %s", found.seal_id, found.hash)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(found)) + "\n")
    return found


def read_heads(*, path: Path) -> list[Head]:
    """Return the heads that were exported to a file. Raises HeadFileBroken, and OSError when it cannot be read."""
    heads = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            facts = json.loads(line)
            bytes.fromhex(facts["hash"])
            heads.append(Head(seal_id=int(facts["seal_id"]), hash=facts["hash"], sealed_at=facts["sealed_at"]))
        except (ValueError, KeyError, TypeError) as error:
            raise HeadFileBroken(path=path, line=number, problem=str(error)) from error
    return heads


def make_partitions(*, today: date) -> int:
    """Make the journal's monthly partitions up to three months ahead; return how many were missing."""
    facts = {"first": today, "last": date.fromordinal(today.toordinal() + _MONTHS_AHEAD_DAYS)}
    with money_tx("ledger.make_partitions"):
        return int(database.fetch_one(database.queries("ledger")["make_partitions"], facts)["made"])


def rebase_transaction_numbers(*, dry_run: bool = False) -> tuple[int, int]:
    """Raise the offset of transaction numbers above those of the books; return the old and the new offset.

    For the owner of the tables, after a logical restore into a cluster that counts from a lower number.
    """
    sql = database.queries("ledger")
    with money_tx("ledger.rebase"):
        found = database.fetch_one(sql["rebase_facts"])
        old, new = int(found["offset_now"]), int(found["offset_needed"])
        if new != old and not dry_run:
            database.execute(sql["rebase"].replace("{offset}", str(new)))
    return old, new
