"""`make reset`: forget everything the embedded family knows.

Standard library only, because it must work where the environment was never built.
"""

import shutil
import sys
from pathlib import Path

from config.embedded.errors import AlreadyRunning, EmbeddedError, from_os_error
from config.embedded.home import PREFIX, recorded_home
from config.embedded.state import StateFolder, default_root, is_locked

_OURS = ("pg", "pg.tmp", "broker", "programs", "home", "sandbox.sqlite*", "test", "logs", "run")


def reset(state: StateFolder) -> bool:
    """Remove all data, also that which had to go elsewhere, and return whether there was any.

    Only what the family made goes: the state folder may be one that holds other things as well. Raises
    `AlreadyRunning` while a family or a test run uses it, `FolderUnusable` when it cannot be removed.
    """
    if not state.root.exists():
        return False
    folders = [state, *(StateFolder(path) for path in sorted((state.root / "test").glob("*")))]
    for folder in folders:
        if is_locked(folder.lock):
            raise AlreadyRunning(folder=folder.root, pid=None)
    homes = [home for folder in folders if (home := recorded_home(folder)) is not None]
    ours = [path for pattern in _OURS for path in state.root.glob(pattern)]
    try:
        for path in [*filter(_is_made_by_us, homes), *ours]:
            _remove(path)
        if not any(state.root.iterdir()):
            state.root.rmdir()
    except OSError as error:
        raise from_os_error(error, folder=state.root) from error
    return bool(ours)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _is_made_by_us(home: Path) -> bool:
    return home.name.startswith(PREFIX)


def main() -> int:
    """Reset the default state folder, say so, and return the exit code."""
    state = StateFolder(default_root())
    try:
        done = reset(state)
    except EmbeddedError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{state.root} is forgotten.\n" if done else "There was nothing to forget.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
