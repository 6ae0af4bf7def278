"""Who types a command: the operating system's user, so that the trail says more than that it was some command."""

import getpass
import os
import re

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
