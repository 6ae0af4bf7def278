"""Who runs the embedded servers, and which folders that account can reach.

PostgreSQL refuses to be root. As root the servers run as `postgres` or `nobody`; as anybody else, as oneself.
No permission of anyone's folder is ever changed: what the account cannot reach is put where it can.
"""

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from config.embedded.errors import ForeignCluster, NoServiceAccount

_CANDIDATES = ("postgres", "nobody")


@dataclass(frozen=True, kw_only=True)
class Account:
    """A user of the machine."""

    name: str
    uid: int
    gid: int

    def own(self, path: Path) -> None:
        """Give one file or folder to the account; needs root."""
        os.chown(path, self.uid, self.gid)


def service_account(*, data: Path) -> Account | None:
    """Return who runs the server of an existing or future data folder; None means the current user.

    Raises `ForeignCluster` when the data is another user's, `NoServiceAccount` when root finds nobody.
    """
    owner = data.stat().st_uid if data.is_dir() else None
    if os.geteuid() != 0:
        if owner not in (None, os.geteuid()):
            raise ForeignCluster(folder=data, owner=user_name(owner or 0))
        return None
    # Data that exists stays with its owner, even when a better account appeared since.
    if owner:
        return Account(name=user_name(owner), uid=owner, gid=data.stat().st_gid)
    return _first_candidate()


def _first_candidate() -> Account:
    for name in _CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise NoServiceAccount


def user_name(uid: int) -> str:
    """Return a user's name, or the number when it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def can_enter(account: Account | None, folder: Path) -> bool:
    """Return whether the account can work in a folder, asked of the kernel rather than guessed from modes."""
    return _succeeds(["/bin/sh", "-c", 'cd -- "$1" && test -x .', "sh", str(folder)], account)


def can_execute(account: Account | None, binary: Path) -> bool:
    """Return whether the account can run a program, its libraries included."""
    return _succeeds([str(binary), "--version"], account)


def _succeeds(argv: Sequence[str], account: Account | None) -> bool:
    try:
        done = subprocess.run(
            argv,
            cwd="/",
            env={"PATH": os.defpath},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=30,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    except OSError:
        return False
    return done.returncode == 0
