"""Turn stored objects into what goes over the wire: private notes away, references expanded."""

from collections.abc import Sequence
from typing import Any

from sandbox.provider.errors import InvalidRequest
from sandbox.provider.scope import Scope

Json = dict[str, Any]

#: Lists left out of an object unless asked for: (kind, field) -> (kind of item, its key, address).
_INCLUDABLE = {
    ("checkout.session", "line_items"): ("item", "_session", "/v1/checkout/sessions/{id}/line_items"),
    ("charge", "refunds"): ("refund", "charge", "/v1/charges/{id}/refunds"),
}
#: References that an object has only when they apply.
_SOMETIMES = {"failure_balance_transaction"}
_MAX_DEPTH = 4


def render(scope: Scope, value: Any) -> Any:
    """Return a copy of an object or list without private notes, as of the scope's present moment."""
    if isinstance(value, list):
        return [render(scope, item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("object") == "event":
        # it shows its object as it was then, not as it is now
        return value
    out = {key: render(scope, item) for key, item in value.items() if not key.startswith("_")}
    kind = value.get("object")
    if kind == "balance_transaction":
        out["status"] = "available" if value["available_on"] <= scope.now else "pending"
    elif kind == "transfer":
        out["reversals"] = _included(scope, value, "transfer_reversal", "transfer", "/v1/transfers/{id}/reversals")
    elif kind == "dispute":
        out["balance_transactions"] = [render(scope, scope.store.get(txn)) for txn in value["balance_transactions"]]
    return out


def _included(scope: Scope, owner: Json, kind: str, key: str, url: str) -> Json:
    found = scope.store.select(kind, account=None, filters={key: owner["id"]}, ascending=key == "_session", limit=11)
    data = [render(scope, item) for item in found[:10]]
    return {"object": "list", "data": data, "has_more": len(found) > 10, "url": url.format(id=owner["id"])}


def expand(scope: Scope, body: Json, paths: Sequence[str]) -> Json:
    """Replace references by the objects that they name, in place.

    Raises InvalidRequest for a path that cannot be expanded or is deeper than four levels.
    """
    for path in paths:
        parts = path.split(".")
        if len(parts) > _MAX_DEPTH:
            raise InvalidRequest(f"You cannot expand more than {_MAX_DEPTH} levels of a property.", param="expand")
        _expand(scope, body, parts, path)
    return body


def _expand(scope: Scope, node: Any, parts: list[str], path: str) -> None:
    if isinstance(node, list):
        for item in node:
            _expand(scope, item, parts, path)
        return
    if not parts or node is None:
        return
    name, rest = parts[0], parts[1:]
    includable = _INCLUDABLE.get((str(node.get("object")), name)) if isinstance(node, dict) else None
    if includable is not None:
        node[name] = _included(scope, node, *includable)
        _expand(scope, node[name], rest, path)
        return
    if isinstance(node, dict) and name in _SOMETIMES and name not in node:
        return
    if not isinstance(node, dict) or name not in node:
        raise InvalidRequest(f"This property cannot be expanded ({path}).", code=None, param="expand")
    value = node[name]
    if isinstance(value, str):
        found = scope.store.get(value)
        if found is None:
            raise InvalidRequest(f"This property cannot be expanded ({path}).", param="expand")
        node[name] = value = render(scope, found)
    _expand(scope, value, rest, path)
