"""How another terminal joins the family that runs in the state folder.

Settings ask here at every start of every process, so this reads one small file and imports nothing heavy.
A file left behind by a dead family is ignored: only a living supervisor holds the folder's lock.
"""

from typing import Any

from config.embedded.state import StateFolder, default_root, is_locked, read_json


def database_url() -> str | None:
    """Return the running family's database URL, or None when none runs."""
    return _known("database_url")


def broker_url() -> str | None:
    """Return the running family's broker URL, or None when none runs."""
    return _known("broker_url")


def sandbox_url() -> str | None:
    """Return the address of the running family's stand-in provider, or None when none runs."""
    return _known("sandbox_url")


def public_url() -> str | None:
    """Return the running family's web address, or None when none runs."""
    return _known("public_url")


def webhook_secret() -> str | None:
    """Return the secret the running family's provider signs webhooks with, or None when none runs."""
    return _known("webhook_secret")


def secret_key() -> str | None:
    """Return the running family's secret key, or None when none runs."""
    return _known("secret_key")


def _known(name: str) -> str | None:
    value = _runtime(StateFolder(default_root())).get(name)
    return value if isinstance(value, str) else None


def _runtime(folder: StateFolder) -> dict[str, Any]:
    # The lock before the file: a family that dies in between leaves a file that says nothing wrong.
    return read_json(folder.runtime) if is_locked(folder.lock) else {}
