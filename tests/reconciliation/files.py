"""Settlement files for tests, in the provider's columns."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

HEADER = "balance_transaction_id,created,available_on,currency,gross,fee,net,reporting_category,source_id,description"
DAY = datetime(2026, 11, 20, tzinfo=UTC)
NEXT_DAY = datetime(2026, 11, 21, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a settlement file; change what a story is about with `row(gross="1.00")`."""

    balance_transaction_id: str = "txn_1"
    created: str = "2026-11-20 10:00:00"
    available_on: str = "2026-11-22 00:00:00"
    currency: str = "eur"
    gross: str = "100.00"
    fee: str = "3.20"
    net: str = "96.80"
    reporting_category: str = "charge"
    source_id: str = "ch_1"
    description: str = "order 1"

    @property
    def text(self) -> str:
        """Return the line as it stands in the file."""
        return ",".join(getattr(self, name) for name in HEADER.split(","))


def row(**changes: str) -> Row:
    """Return a good line with some cells changed."""
    return replace(Row(), **changes)


def file_of(*rows: Row | str, header: str = HEADER) -> bytes:
    """Return a file of these lines; text goes as it is."""
    lines = [each if isinstance(each, str) else each.text for each in rows]
    return ("\n".join([header, *lines]) + "\n").encode()
