"""What the person at the terminal sees: the supervisor's words and its children's log files as one log."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

_COLOURS = ("36", "33", "32", "35", "34", "31")
_NAME_WIDTH = 8


@dataclass
class _Followed:
    name: str
    path: Path
    position: int
    colour: str
    rest: bytes = b""


@dataclass
class Console:
    """Write to one stream; colours only on a terminal, and never with NO_COLOR set.

    Children write into files of their own and the console follows these, so that no child hangs or dies with
    a pipe, and what it said last is on disk whatever happens to the supervisor.
    """

    stream: TextIO
    #: While quiet, the children's lines stay in their files.
    quiet: bool = False
    _followed: list[_Followed] = field(default_factory=list)

    @property
    def coloured(self) -> bool:
        """Whether colours are wanted here."""
        return self.stream.isatty() and "NO_COLOR" not in os.environ

    def say(self, text: str) -> None:
        """Write the supervisor's own words."""
        self.stream.write(f"{text}\n")
        self.stream.flush()

    def follow(self, *, name: str, path: Path, since: int) -> None:
        """Show, from now on, what is appended to a log file beyond byte `since`."""
        colour = _COLOURS[len(self._followed) % len(_COLOURS)]
        self._followed.append(_Followed(name=name, path=path, position=since, colour=colour))

    def pump(self) -> None:
        """Show the lines that arrived since the last call."""
        for one in self._followed:
            for line in _new_lines(one):
                if not self.quiet:
                    self._line(one, line)
        if not self.quiet:
            self.stream.flush()

    def _line(self, one: _Followed, line: str) -> None:
        clock, name = time.strftime("%H:%M:%S"), f"{one.name:<{_NAME_WIDTH}}"
        if self.coloured:
            name = f"\x1b[{one.colour}m{name}\x1b[0m"
        self.stream.write(f"{clock} {name} │ {line}\n")


def _new_lines(one: _Followed) -> list[str]:
    try:
        with one.path.open("rb") as file:
            file.seek(one.position)
            text = one.rest + file.read()
            one.position = file.tell()
    except OSError:
        return []
    *lines, one.rest = text.split(b"\n")
    return [line.decode("utf-8", "replace").rstrip("\r") for line in lines if line.strip()]
