"""Named places where a test can make the process fail, so that every crash point is exercised for real.

Dead unless `settings.FAILPOINTS_ALLOWED` (true only in the test environment) *and* the environment variable
COUNTERFOIL_FAILPOINTS arms some: `name=action;name#2=action`, where `#2` means the second hit. Actions:
`kill9`, `raise`, `hang`, `sleep:MS`, `db_kill` (our own database backend is terminated).
With COUNTERFOIL_FAILPOINT_LOG=FILE each point that is passed is appended to FILE, so that a recording run
lists what there is to crash. A test may have a `watcher` called at each point instead, and act itself.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from operations.database import terminate_own_backend


class FailpointRaised(Exception):
    """An armed failpoint raised, as a test asked it to."""


#: What a test wants to be told of: called with the name of each point that is passed, before anything else.
watcher: Callable[[str], None] | None = None
_hits: Counter[str] = Counter()


def reset() -> None:
    """Forget how often each point was passed."""
    _hits.clear()


def passed(name: str) -> int:  # tidy: one argument, and it reads as a sentence
    """Return how often a point was passed while any was armed."""
    return _hits[name]


def hit(name: str) -> None:
    """Pass the failpoint; act only where a test armed it."""
    if not settings.FAILPOINTS_ALLOWED:
        return
    if watcher is not None:
        watcher(name)
    log = os.environ.get("COUNTERFOIL_FAILPOINT_LOG")
    if log:
        with Path(log).open("a", encoding="utf-8") as file:
            file.write(f"{name}\n")
    armed = os.environ.get("COUNTERFOIL_FAILPOINTS")
    if armed:
        _hits[name] += 1
        _act(name, _plan(armed), _hits[name])


def _plan(armed: str) -> dict[str, str]:
    return dict(rule.split("=", 1) for rule in armed.split(";") if rule)


def _act(name: str, plan: dict[str, str], nth: int) -> None:
    action = plan.get(f"{name}#{nth}") or (plan.get(name) if nth == 1 else None)
    if action is None:
        return
    match action.split(":"):
        case ["kill9"]:
            os.kill(os.getpid(), signal.SIGKILL)
        case ["hang"]:
            signal.pause()
        case ["sleep", milliseconds]:
            time.sleep(int(milliseconds) / 1000)
        case ["db_kill"]:
            terminate_own_backend()
        case _:
            raise FailpointRaised(name)
