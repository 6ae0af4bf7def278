"""The base of every anticipated error: a fact with a stable code, not a mood."""

from typing import Any, ClassVar


class DomainError(Exception):
    """Something anticipated went wrong.

    A subclass is one fact. Its docstring is the message, filled from the facts given by keyword; the facts
    are attributes too. `code` is stable and reaches API clients. `retryable` says whether the same call may
    succeed later without anybody changing anything. `parameter` is the field of a client's request that is wrong, where
    it is always the same one; otherwise whoever raises it gives it as a fact.
    """

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False
    parameter: str = ""

    def __init__(self, **facts: Any) -> None:
        self.facts = facts
        for name, value in facts.items():
            setattr(self, name, value)
        super().__init__(self.template().format(**facts))

    @classmethod
    def template(cls) -> str:
        """Return the message with a place for each fact."""
        return " ".join((cls.__doc__ or "").strip().split("\n\n")[0].split())
