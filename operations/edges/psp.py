"""Calls to a payment provider: never inside a transaction."""

from collections.abc import Callable
from typing import TypeVar

from operations.edges.transactions import in_transaction
from operations.errors import DomainError
from operations.failpoints import hit

T = TypeVar("T")


class CallInsideTransaction(DomainError):
    """The provider call {op} was about to be made while a database transaction is open."""

    code = "call_inside_transaction"


def call(op: str, send: Callable[[], T]) -> T:
    """Make one call to the provider, with its failpoints around it.

    Raises CallInsideTransaction: intent is committed before any call, and no row lock waits for a network.
    """
    if in_transaction():
        raise CallInsideTransaction(op=op)
    hit(f"psp.call:{op}:before_send")
    answer = send()
    hit(f"psp.call:{op}:after_response")
    return answer
