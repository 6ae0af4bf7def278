"""Disputes: read, answer with evidence, accept."""

from typing import Any

from sandbox.provider import disputes
from sandbox.provider.errors import InvalidRequest
from sandbox.provider.routes import Route
from sandbox.provider.scope import Scope, merge_metadata, page_of
from sandbox.provider.validation import EXPAND, PAGE, Schema, boolean, fields, metadata, text

Json = dict[str, Any]
_URL = "/v1/disputes"
#: Characters of all the evidence together.
_LONGEST = 150_000


def retrieve(scope: Scope, params: Json, *, id: str) -> Json:
    """Return a dispute."""
    return scope.find("dispute", id, param="dispute")


def index(scope: Scope, params: Json) -> Json:
    """List disputes."""
    wanted = {name: params.get(name) for name in ("charge", "payment_intent")}
    return page_of(scope, "dispute", _URL, params, wanted)


def update(scope: Scope, params: Json, *, id: str) -> Json:
    """Add metadata or evidence; evidence is handed in at once unless `submit` is false. Raises InvalidRequest."""
    dispute = scope.find("dispute", id, param="dispute")
    dispute["metadata"] = merge_metadata(dispute["metadata"], params.get("metadata"))
    evidence = {**dispute["evidence"], **params.get("evidence", {})}
    if sum(len(text) for text in evidence.values() if isinstance(text, str)) > _LONGEST:
        raise InvalidRequest(f"The evidence is limited to {_LONGEST} characters in all.", param="evidence")
    if "evidence" in params or "submit" in params:
        return disputes.submit(scope, dispute, params.get("evidence", {}), final=params.get("submit", True))
    return scope.store.save(dispute)


def close(scope: Scope, params: Json, *, id: str) -> Json:
    """Accept a dispute as lost."""
    return disputes.decide(scope, scope.find("dispute", id, param="dispute"), won=False)


_EVIDENCE: Schema = {name: text(max_chars=20_000, empty=True) for name in disputes.EVIDENCE}
_UPDATE: Schema = {**EXPAND, "evidence": fields(_EVIDENCE), "metadata": metadata(), "submit": boolean()}
ROUTES = [
    Route("GET", _URL, "dispute.list", index, {**PAGE, "charge": text(), "payment_intent": text()}),
    Route("GET", f"{_URL}/<id>", "dispute.retrieve", retrieve, EXPAND),
    Route("POST", f"{_URL}/<id>", "dispute.update", update, _UPDATE),
    Route("POST", f"{_URL}/<id>/close", "dispute.close", close, EXPAND),
]
TIMERS = {
    "dispute_opens": disputes.fired_open,
    "dispute_lapses": disputes.fired_lapse,
    "dispute_decided": disputes.fired_decision,
}
