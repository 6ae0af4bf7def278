"""One readable line a fact: no control characters, no card numbers, UTC."""

import logging
import re
import time
from typing import Any

from config.middleware import request_id
from operations.cards import mask_cards
from operations.texts import CONTROL

# A traceback has lines of its own; whatever else tools take for a line's end must not make more of them.
_CONTROL = re.compile(r"(?![\t\n])" + CONTROL.pattern)


class RequestIdFilter(logging.Filter):
    """Put the current request's id on each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through, named."""
        record.request_id = request_id.get()
        return True


class OneLineFormatter(logging.Formatter):
    """Level, logger, request and message on one line; a traceback follows on lines of its own."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s [%(request_id)s] %(message)s", "%Y-%m-%dT%H:%M:%SZ")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the line, harmless to whoever reads it."""
        # Masked first: a card number in two lines, or with something invisible in it, is still seen as one.
        line = mask_cards(super().formatMessage(record)).replace("\n", "\\n")
        return _CONTROL.sub("?", line)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        """Return the traceback; what an error quotes may hold a card number too."""
        return _CONTROL.sub("?", mask_cards(super().formatException(ei)))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802 - logging's name
        """Return where the call came from; a line of source may quote one as well."""
        return _CONTROL.sub("?", mask_cards(super().formatStack(stack_info)))
