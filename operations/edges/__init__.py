"""The four primitives through which business code touches anything that can fail halfway.

`money_tx` commits, `psp.call` leaves the house, `hint` wakes a worker, `relay.send` tells a storefront.
Each carries its failpoints, so no business code is littered and no crash point is missed.
"""

from operations.edges import psp, relay
from operations.edges.along import note
from operations.edges.hints import hint
from operations.edges.transactions import NotInTransaction, in_transaction, money_tx, require_transaction, snapshot

__all__ = [
    "NotInTransaction",
    "hint",
    "in_transaction",
    "money_tx",
    "note",
    "psp",
    "relay",
    "require_transaction",
    "snapshot",
]
