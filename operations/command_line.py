"""Who types a command, so that the trail says more than that it was some command; and numbers that are typed."""

import getpass
import os
import re
from argparse import ArgumentTypeError
from collections.abc import Callable

# What user names are made of; anything else would be a hand at the trail.
_STRANGE = re.compile(r"[^A-Za-z0-9._@-]")
# As long as Linux lets a user's name be.
_LONGEST = 32


def actor_of_command() -> str:
    """Return the operating system's user as an actor (`os:NAME`); `os:uid-NUMBER` where the user has no name.

    Not `system:…`, which is what is done by itself and was nobody's decision: whoever types a command decided it, so
    no rule that spares us a second person may spare a command. Nor `user:…`, which is who signed in to the console.
    The name is as good as the machine's own keeping of it: it says whom to ask, and proves nothing.
    """
    try:
        name = getpass.getuser()
    except (ImportError, KeyError, OSError):
        name = ""
    return f"os:{_STRANGE.sub('_', name)[:_LONGEST] or f'uid-{os.getuid()}'}"


def whole_number(*, least: int, most: int) -> Callable[[str], int]:
    """Return what reads an option's whole number within bounds, both included."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most):
            raise ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return read
