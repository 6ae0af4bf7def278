"""Check request parameters against a schema; refuse unknown and malformed ones as the API does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.provider import money
from sandbox.provider.errors import InvalidRequest

Check = Callable[[Any, str], Any]
_MAX_INTEGER = 2**63 - 1


@dataclass(frozen=True)
class Required:
    """Mark a parameter that must be there."""

    check: Check


Schema = Mapping[str, Check | Required]


def validate(schema: Schema, raw: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the parameters with their types.

    Raises InvalidRequest naming the first parameter that is unknown, missing or malformed.
    """
    for name in raw:
        if name not in schema:
            full = _join(prefix, name)
            raise InvalidRequest(f"Received unknown parameter: {full}", code="parameter_unknown", param=full)
    values: dict[str, Any] = {}
    for name, rule in schema.items():
        full = _join(prefix, name)
        if name in raw:
            check = rule.check if isinstance(rule, Required) else rule
            values[name] = check(raw[name], full)
        elif isinstance(rule, Required):
            raise InvalidRequest(f"Missing required param: {full}.", code="parameter_missing", param=full)
    return values


def _join(prefix: str, name: str) -> str:
    return f"{prefix}[{name}]" if prefix else name


def text(*, max_chars: int = 5000, empty: bool = False) -> Check:
    """Accept a string; an empty one only when `empty` says that it clears the field."""

    def check(value: Any, name: str) -> str:
        if not isinstance(value, str):
            raise InvalidRequest(f"Invalid string: {name}", param=name)
        if not value and not empty:
            raise InvalidRequest(
                f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a "
                f"parameter; however '{name}' cannot be unset.",
                code="parameter_invalid_empty",
                param=name,
            )
        if len(value) > max_chars:
            raise InvalidRequest(f"Invalid string: {value[:20]}…; must be at most {max_chars} characters", param=name)
        return value

    return check


def integer(*, minimum: int | None = None, maximum: int = _MAX_INTEGER) -> Check:
    """Accept a whole number written in ASCII digits."""

    def check(value: Any, name: str) -> int:
        digits = value[1:] if isinstance(value, str) and value.startswith("-") else value
        if not isinstance(digits, str) or not (digits.isascii() and digits.isdigit()) or len(digits) > 20:
            raise InvalidRequest(f"Invalid integer: {value}", code="parameter_invalid_integer", param=name)
        number = int(value)
        if minimum is not None and number < minimum:
            raise InvalidRequest(
                f"This value must be greater than or equal to {minimum}.",
                code="parameter_invalid_integer",
                param=name,
            )
        if number > maximum:
            raise InvalidRequest(
                f"This value must be less than or equal to {maximum}.",
                code="parameter_invalid_integer",
                param=name,
            )
        return number

    return check


def boolean() -> Check:
    """Accept `true` or `false`."""

    def check(value: Any, name: str) -> bool:
        if value not in ("true", "false"):
            raise InvalidRequest(f"Invalid boolean: {value}", param=name)
        return bool(value == "true")

    return check


def choice(*allowed: str) -> Check:
    """Accept one of a closed list of words."""

    def check(value: Any, name: str) -> str:
        if value not in allowed:
            listed = ", ".join(allowed)
            raise InvalidRequest(f"Invalid {name}: must be one of {listed}", param=name)
        return str(value)

    return check


def currency() -> Check:
    """Accept a known three-letter currency code; return it in lower case."""

    def check(value: Any, name: str) -> str:
        if not isinstance(value, str):
            raise InvalidRequest(f"Invalid currency: {value}", code="invalid_currency", param=name)
        return money.known(value, param=name).code

    return check


def array(item: Check, *, max_items: int = 100) -> Check:
    """Accept a list whose items all pass one check."""

    def check(value: Any, name: str) -> list[Any]:
        if not isinstance(value, list):
            raise InvalidRequest(f"Invalid array: {name}", param=name)
        if len(value) > max_items:
            raise InvalidRequest(f"{name} may have at most {max_items} items.", param=name)
        return [item(entry, f"{name}[{index}]") for index, entry in enumerate(value)]

    return check


def fields(schema: Schema) -> Check:
    """Accept a group of named parameters with a schema of its own."""

    def check(value: Any, name: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise InvalidRequest(f"Invalid object: {name}", code="parameter_invalid_empty", param=name)
        return validate(schema, value, name)

    return check


def metadata() -> Check:
    """Accept up to 50 pairs, keys to 40 and values to 500 characters; an empty value unsets its key."""

    def check(value: Any, name: str) -> dict[str, str]:
        if value == "":
            return {}
        # a group whose keys are all digits was decoded as a list
        pairs = dict(enumerate(value)) if isinstance(value, list) else value
        if not isinstance(pairs, dict):
            raise InvalidRequest(f"Invalid object: {name}", param=name)
        if len(pairs) > 50:
            raise InvalidRequest("Metadata can have up to 50 keys.", param=name)
        return {str(key): _pair(str(key), entry, name) for key, entry in pairs.items()}

    return check


def _pair(key: str, value: Any, name: str) -> str:
    if len(key) > 40:
        raise InvalidRequest(f"Metadata keys can have up to 40 characters: {key[:40]}…", param=name)
    if not isinstance(value, str) or len(value) > 500:
        raise InvalidRequest(f"Metadata values can have up to 500 characters: {key}", param=name)
    return value


def file() -> Check:
    """Accept an uploaded file: its name, and its content in base 64."""

    def check(value: Any, name: str) -> dict[str, str]:
        if not isinstance(value, dict) or set(value) != {"name", "content"}:
            raise InvalidRequest(f"Invalid file: {name} must be uploaded as multipart/form-data.", param=name)
        return {"name": str(value["name"]), "content": str(value["content"])}

    return check


def period() -> Check:
    """Accept a moment, or a range of moments with gt, gte, lt, lte; always return the range."""
    moment = integer()
    limits = fields({"gt": moment, "gte": moment, "lt": moment, "lte": moment})

    def check(value: Any, name: str) -> dict[str, int]:
        if isinstance(value, dict):
            return dict(limits(value, name))
        exact = moment(value, name)
        return {"gte": exact, "lte": exact}

    return check


EXPAND: Schema = {"expand": array(text())}
CURSORS: Schema = {
    **EXPAND,
    "limit": integer(minimum=1, maximum=100),
    "starting_after": text(),
    "ending_before": text(),
}
PAGE: Schema = {**CURSORS, "created": period()}
