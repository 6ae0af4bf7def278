"""Counts as people say them: a number and its noun agree."""


def format_count(count: int, one: str, many: str = "") -> str:
    """Return a count with its noun: 1 seller, 2,000 sellers."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
