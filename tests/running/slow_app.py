"""A WSGI application that answers nobody until a file is there; another one says that somebody asked."""

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer 200 once the gate is open."""
    gate = Path(os.environ["SLOW_APP_GATE"])
    gate.with_name("busy").touch()
    while not gate.exists():
        time.sleep(0.01)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    return [b"done"]
