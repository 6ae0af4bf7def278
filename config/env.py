"""Typed readers of the environment that fail loudly.

A misspelt boolean or a missing secret stops the process at start with one sentence, instead of quietly
becoming a default that nobody chose.
"""

import os
import re
from pathlib import Path


class BadEnvironment(SystemExit):
    """Stop the start-up: an environment variable is missing or unreadable."""

    def __init__(self, name: str, problem: str) -> None:
        self.name = name
        super().__init__(f"Environment variable {name} {problem}.")


def text(name: str, default: str | None = None) -> str:
    """Return a variable's text; `NAME_FILE` may name a file that holds it (for mounted secrets).

    Without a default an empty one is as good as none: the template has `SECRET_KEY=`, for somebody to fill in.
    """
    value = _mounted(name)
    if value is None:
        value = os.environ.get(name, default)
    if value is None or (default is None and not value.strip()):
        raise BadEnvironment(name, "is not set, and has no default")
    return value


def _mounted(name: str) -> str | None:
    """Return what the file holds that `NAME_FILE` names; None where it names none."""
    file = os.environ.get(f"{name}_FILE")
    if not file:
        return None
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise BadEnvironment(f"{name}_FILE", f"names a file that cannot be read ({error})") from error


def boolean(name: str, default: bool) -> bool:
    """Return a variable as a boolean; anything but true/false, yes/no, on/off, 1/0 stops the start-up."""
    raw = os.environ.get(name)
    if raw is None or raw == "":
        return default
    known = {
        "true": True,
        "yes": True,
        "on": True,
        "1": True,
        "false": False,
        "no": False,
        "off": False,
        "0": False,
    }
    if raw.lower() not in known:
        raise BadEnvironment(name, f"is {raw!r}, but must be true or false")
    return known[raw.lower()]


def integer(name: str, default: int, *, minimum: int, maximum: int) -> int:
    """Return a variable as an integer within bounds."""
    raw = os.environ.get(name)
    if raw is None or raw == "":
        return default
    if not (raw.isascii() and raw.removeprefix("-").isdigit()):
        raise BadEnvironment(name, f"is {raw!r}, but must be a whole number")
    value = int(raw)
    if not minimum <= value <= maximum:
        raise BadEnvironment(name, f"is {value}, but must be between {minimum} and {maximum}")
    return value


def choice(name: str, default: str, options: tuple[str, ...]) -> str:
    """Return a variable that must be one of a few words."""
    value = os.environ.get(name) or default
    if value not in options:
        raise BadEnvironment(name, f"is {value!r}, but must be one of {', '.join(options)}")
    return value


def amounts(name: str) -> dict[str, int]:
    """Return a variable such as `EUR=10000,BRL=50000` as minor units by currency; nothing set means none."""
    found: dict[str, int] = {}
    for word in words(name):
        currency, _, minor = word.partition("=")
        if not (re.fullmatch(r"[A-Z]{3}", currency) and re.fullmatch(r"[0-9]{1,15}", minor)):
            raise BadEnvironment(name, f"holds {word!r}, but must be a list such as EUR=10000,BRL=50000")
        if currency in found:
            raise BadEnvironment(name, f"names {currency} twice")
        found[currency] = int(minor)
    return found


def rates(name: str, default: str = "") -> dict[str, tuple[int, int]]:
    """Return a variable such as `EUR=290+30` by currency: hundredths of a percent, and a fixed part in minor units."""
    found: dict[str, tuple[int, int]] = {}
    for word in words(name, default):
        parts = re.fullmatch(r"([A-Z]{3})=([0-9]{1,5})\+([0-9]{1,9})", word)
        if parts is None:
            raise BadEnvironment(name, f"holds {word!r}, but must be a list such as EUR=290+30,JPY=360+0")
        if parts[1] in found:
            raise BadEnvironment(name, f"names {parts[1]} twice")
        found[parts[1]] = (int(parts[2]), int(parts[3]))
    return found


def routes(name: str, default: str) -> dict[str, list[str]]:
    """Return a variable such as `*=stripe>mollie,acme/EUR=mollie` as orders of preference by what they are for."""
    found: dict[str, list[str]] = {}
    for word in words(name, default):
        entry, _, order = word.partition("=")
        known = re.fullmatch(r"(\*|[-a-z0-9_]+)(/[A-Z]{3})?", entry, re.ASCII | re.IGNORECASE)
        if not (known and re.fullmatch(r"[a-z0-9_]+(>[a-z0-9_]+)*", order)):
            raise BadEnvironment(name, f"holds {word!r}, but must be a list such as *=stripe>mollie,acme/EUR=mollie")
        if entry in found:
            raise BadEnvironment(name, f"names {entry} twice")
        found[entry] = order.split(">")
    return found


def gone(name: str, *, instead: str) -> None:
    """Stop the start-up where a variable is set that is not read any more: nobody's wish is dropped in silence."""
    if os.environ.get(name):
        raise BadEnvironment(name, f"is not read any more: set {instead}")


def words(name: str, default: str | None = "") -> list[str]:
    """Return a comma-separated variable as a list of its words, of which without a default there is at least one."""
    found = [word.strip() for word in text(name, default).split(",") if word.strip()]
    if default is None and not found:
        raise BadEnvironment(name, "is not set, and has no default")
    return found
