"""Hold JSON against the annotations of the official SDK's resource classes.

The SDK describes each resource by a class with annotated fields, generated from the provider's own specification.
`violations` walks an object and reports fields that are missing, unknown, null where they must not be, of another
type, or outside their list of words, nested and expanded objects included.
"""

import ast
import importlib
import inspect
import types
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import stripe
from stripe._list_object import ListObject
from stripe._object_classes import OBJECT_CLASSES
from stripe._stripe_object import StripeObject, UntypedStripeObject

Json = dict[str, Any]
_FIELDS: dict[str, Mapping[str, Any]] = {}
_SCALARS: dict[Any, tuple[type, ...]] = {int: (int,), str: (str,), float: (int, float), bool: (bool,)}


@cache
def class_of(name: str) -> type[StripeObject]:
    """Return the SDK's class for the value of an `object` field, such as `payment_intent`.

    Raises KeyError when the SDK knows no such object.
    """
    module, attribute = OBJECT_CLASSES[name]
    found: type[StripeObject] = getattr(importlib.import_module(module), attribute)
    return found


@cache
def _imported_for_types(module_name: str) -> dict[str, Any]:
    """Return the names that a module imports, those for type checkers included."""
    module = importlib.import_module(module_name)
    names: dict[str, Any] = dict(vars(module))
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("stripe"):
            if node.module.startswith("stripe.params"):
                continue
            source = importlib.import_module(node.module)
            for alias in node.names:
                names[alias.asname or alias.name] = getattr(source, alias.name)
    return names


def fields_of(cls: type[StripeObject]) -> Mapping[str, Any]:
    """Return the annotated fields of a resource class or of a class nested in it."""
    known = _FIELDS.get(cls.__module__ + cls.__qualname__)
    if known is None:
        known = _FIELDS[cls.__module__ + cls.__qualname__] = _read_fields(cls)
    return known


def _read_fields(cls: type[StripeObject]) -> Mapping[str, Any]:
    names = _imported_for_types(cls.__module__)
    hints: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        if issubclass(base, StripeObject) and base is not StripeObject and "__annotations__" in vars(base):
            hints.update(_own_hints(base, names))
    return {name: hint for name, hint in hints.items() if not name.startswith("_") and not name.isupper()}


def _own_hints(cls: type, names: dict[str, Any]) -> dict[str, Any]:
    shell = types.new_class("Shell", (), {})
    shell.__annotations__ = {
        name: hint for name, hint in vars(cls)["__annotations__"].items() if "ClassVar" not in str(hint)
    }
    return get_type_hints(shell, globalns=names, localns=dict(vars(cls)))


def violations(value: Json, *, where: str = "") -> Iterator[str]:
    """Yield a sentence for each way in which a resource object differs from the SDK's class for it."""
    name = value.get("object")
    path = where or str(name)
    if name == "list":
        for index, item in enumerate(value["data"]):
            yield from violations(item, where=f"{path}.data[{index}]")
        return
    if name not in OBJECT_CLASSES:
        yield f"{path}: the SDK knows no object {name!r}"
        return
    if value.get("deleted") is True:
        return
    yield from _check_fields(value, class_of(name), path)
    if name == "event":
        yield from violations(value["data"]["object"], where=f"{path}[{value['type']}].data.object")


def _check_fields(value: Any, cls: type[StripeObject], path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is not an object of {cls.__name__}"
        return
    hints = fields_of(cls)
    for name in value.keys() - hints.keys():
        yield f"{path}.{name}: unknown to {cls.__name__}"
    for name, hint in hints.items():
        if name in value:
            yield from _check(value[name], hint, f"{path}.{name}")
        elif not _nullable(hint):
            yield f"{path}.{name}: missing"


def _nullable(hint: Any) -> bool:
    return get_origin(hint) in (Union, types.UnionType) and type(None) in get_args(hint)


def _check(value: Any, hint: Any, path: str) -> Iterator[str]:
    origin = get_origin(hint)
    if hint is Any or isinstance(hint, TypeVar):
        return
    if origin in (Union, types.UnionType):
        yield from _check_union(value, list(get_args(hint)), path)
    elif origin is Literal:
        if value not in get_args(hint):
            yield f"{path}: {value!r} is none of {get_args(hint)}"
    elif origin is list:
        yield from _check_list(value, get_args(hint)[0], path)
    elif origin is ListObject or hint is ListObject:
        yield from _check_page(value, path)
    elif origin is UntypedStripeObject or hint is UntypedStripeObject:
        yield from _check_map(value, get_args(hint), path)
    elif hint is Decimal:
        yield from _check_decimal(value, path)
    elif hint in _SCALARS:
        if not isinstance(value, _SCALARS[hint]) or (isinstance(value, bool) and hint is not bool):
            yield f"{path}: {value!r} is no {hint.__name__}"
    elif isinstance(hint, type) and issubclass(hint, StripeObject):
        yield from _check_object(value, hint, path)
    else:
        yield f"{path}: the check does not understand {hint!r}"


def _check_union(value: Any, options: list[Any], path: str) -> Iterator[str]:
    if value is None:
        if type(None) not in options:
            yield f"{path}: null"
        return
    options = [option for option in options if option is not type(None)]
    words = [option for option in options if get_origin(option) is Literal]
    if words and str in options:
        # the SDK leaves lists of words open for the future; today's provider uses today's words
        options.remove(str)
    if isinstance(value, dict):
        # an expanded object is judged as one, not as the id that it stands for
        options = [option for option in options if option not in _SCALARS] or options
    found = [list(_check(value, option, path)) for option in options]
    if all(found):
        yield from min(found, key=len)


def _check_object(value: Any, hint: type[StripeObject], path: str) -> Iterator[str]:
    known = fields_of(hint).get("object")
    named = get_origin(known) is Literal
    if named and isinstance(value, dict) and value.get("object") not in get_args(known):
        yield f"{path}: {value.get('object')!r} where {hint.__name__} belongs"
        return
    yield from _check_fields(value, hint, path)


def _check_list(value: Any, item: Any, path: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{path}: {value!r} is no list"
        return
    for index, entry in enumerate(value):
        yield from _check(entry, item, f"{path}[{index}]")


def _check_page(value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict) or value.keys() != {"object", "data", "has_more", "url"}:
        yield f"{path}: not a page of a list"
        return
    yield from violations(value, where=path)


def _check_map(value: Any, args: tuple[Any, ...], path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no map"
        return
    for name, entry in value.items():
        if args:
            yield from _check(entry, args[0], f"{path}.{name}")


def _check_decimal(value: Any, path: str) -> Iterator[str]:
    try:
        if not isinstance(value, str):
            raise InvalidOperation
        Decimal(value)
    except InvalidOperation:
        yield f"{path}: {value!r} is no decimal string"


def sdk_version() -> str:
    """Return the API version that the SDK speaks."""
    return stripe.api_version or ""
