"""A WSGI application that answers nobody until a file is there; another one says that somebody asked."""

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from config.web_server import SheddingWorker


class ImpatientWorker(SheddingWorker):
    """Let a few wait: at 20 ms each fifteen of most, twenty-five that create payments, a hundred webhooks.

    Under a load that lasts, eight, ten and a hundred.
    """

    patience = {b"POST /webhooks/": (2_000_000, 2_000_000), b"POST /v1/payments ": (500_000, 200_000)}
    patience_of_others = (300_000, 160_000)
    lasting_s = float(os.environ["SLOW_APP_LASTING_S"])


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer 200 once the gate is open."""
    gate = Path(os.environ["SLOW_APP_GATE"])
    gate.with_name("busy").touch()
    while not gate.exists():
        time.sleep(0.01)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    return [b"done"]
