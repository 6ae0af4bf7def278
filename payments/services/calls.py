"""Keeping the log of provider calls, and reading one payment's part of it."""

from collections.abc import Sequence

from operations.rows import insert_row
from payments.gateway import Call
from payments.models import ProviderCall


def write_calls(*, facts: Sequence[Call]) -> None:
    """Write noted calls in the open transaction. One that is there already stays as it is."""
    # A commit that was lost from sight is no reason for a second row, nor for an error.
    for call in facts:
        insert_row(ProviderCall(**vars(call)), or_ignore=True)
