"""Committed data, for tests with threads."""

import pytest

from tests.committed import committed_db
from tests.conformance.adapter import Ledger

__all__ = ["committed_db"]


@pytest.fixture
def ledger(committed_db: None) -> Ledger:
    """Our books behind the adapter, empty."""
    return Ledger()
