"""The one way to open a database transaction."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from operations import database
from operations.edges import along
from operations.errors import DomainError
from operations.failpoints import hit


class NotInTransaction(DomainError):
    """{verb} must be called inside a transaction that its caller opened."""

    code = "not_in_transaction"


@contextmanager
def money_tx(name: str) -> Iterator[None]:
    """Run the block in one outermost transaction; it has committed when the block is left without an error.

    An error at commit itself does not mean that nothing was committed: callers repeat by key, they never
    conclude failure. Nesting raises, because an inner "commit" would be none. What was noted before (`note`) is
    written along.
    """
    with transaction.atomic(durable=True):
        yield
        written = along.write_noted()
        hit(f"money_tx:{name}:before_commit")
    along.forget(written)
    hit(f"money_tx:{name}:after_commit")


@contextmanager
def snapshot() -> Iterator[None]:
    """Run the block's queries on one moment's view of the database, which they cannot change.

    For what reads in many steps and must add up, such as an export, while others go on writing. Inside a
    transaction that is open already, that transaction's view is all there is.
    """
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        database.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def in_transaction() -> bool:
    """Tell whether business code has a transaction open (the frame that a test case opens does not count)."""
    return any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks)


def require_transaction(verb: str) -> None:
    """Raise NotInTransaction unless the caller has opened one."""
    if not in_transaction():
        raise NotInTransaction(verb=verb)
