"""Where the servers keep their data: the state folder, or a folder elsewhere when they cannot reach it.

As root the servers run as another user, to whom a repository below a private home is out of reach. Changing
the modes of other people's folders is no way out, so the data goes to a folder of its own and the state
folder keeps a pointer to it.
"""

import tempfile
from pathlib import Path

from config.embedded.accounts import Account, can_enter, service_account
from config.embedded.errors import from_os_error
from config.embedded.state import StateFolder, write_private

_ELSEWHERE = Path("/var/tmp")  # noqa: S108 (the folder made there is private and its name is not guessable)
PREFIX = "counterfoil-"


def service_home(state: StateFolder, *, data: str) -> tuple[Path, Account | None]:
    """Return the folder that holds the data folder named `data`, and the account that runs its server.

    Raises `ForeignCluster`, `NoServiceAccount`, or what `from_os_error` makes of a refused write.
    """
    home = recorded_home(state) or state.root
    account = service_account(data=home / data)
    if account is None or can_enter(account, home):
        return home, account
    try:
        elsewhere = Path(tempfile.mkdtemp(prefix=PREFIX, dir=_ELSEWHERE))
        elsewhere.chmod(0o711)
        write_private(pointer(state), f"{elsewhere}\n")
    except OSError as error:
        raise from_os_error(error, folder=_ELSEWHERE) from error
    return elsewhere, account


def recorded_home(state: StateFolder) -> Path | None:
    """Return the folder elsewhere that the state folder points to, while it exists."""
    try:
        text = pointer(state).read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return Path(text) if text and Path(text).is_dir() else None


def pointer(state: StateFolder) -> Path:
    """Return the file that names the folder elsewhere."""
    return state.root / "home"
