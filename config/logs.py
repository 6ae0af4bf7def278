"""One readable line a fact: no control characters, no card numbers, UTC."""

import logging
import re
import time
from typing import Any

from config.middleware import request_id
from operations.cards import mask_cards

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


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
        line = super().formatMessage(record).replace("\n", "\\n")
        return mask_cards(_CONTROL.sub("?", line))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        """Return the traceback; what an error quotes may hold a card number too."""
        return mask_cards(super().formatException(ei))
