"""What a piece of work needs: the store, the time, the account, and a way to tell the world about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.provider.clock import Clock, Timers
from sandbox.provider.errors import InvalidRequest, NotFound
from sandbox.provider.faults import FaultPlan, Rule
from sandbox.provider.store import Store

Json = dict[str, Any]
API_VERSION = "2026-10-28.endive"


@dataclass(frozen=True)
class Settings:
    """Choices made when the process was started."""

    settlement_delay_days: int = 2


@dataclass(frozen=True)
class World:
    """The long-lived parts of the process."""

    store: Store
    clock: Clock
    timers: Timers
    faults: FaultPlan
    settings: Settings


@dataclass
class Scope:
    """One piece of work: an API request, a page, a timer or a control command."""

    world: World
    now: int
    account: str = ""
    base_url: str = ""
    request_id: str | None = None
    idempotency_key: str | None = None
    op: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    #: The events that somebody listens to: their delivery is woken after the commit.
    emitted: list[str] = field(default_factory=list)

    @property
    def store(self) -> Store:
        """Return the store."""
        return self.world.store

    @property
    def timers(self) -> Timers:
        """Return the timers."""
        return self.world.timers

    def find(self, kind: str, object_id: str, *, param: str = "id") -> Json:
        """Return an object of this account.

        Raises NotFound when there is none of that kind.
        """
        found = self.store.get(object_id)
        if found is None or found["object"] != kind or self.store.account_of(object_id) != self.account:
            raise NotFound.resource(kind, object_id, param)
        return found

    def add(self, body: Json) -> Json:
        """Store a new object of this account."""
        return self.store.insert(body, account=self.account)

    def within(self, account: str) -> "Scope":
        """Return the same work in the name of another account."""
        return Scope(
            world=self.world,
            now=self.now,
            account=account,
            base_url=self.base_url,
            request_id=self.request_id,
            idempotency_key=self.idempotency_key,
            op=self.op,
            params=self.params,
            emitted=self.emitted,
        )

    def planned(self, op: str, *, refs: Mapping[str, Any] | None = None) -> Rule | None:
        """Return the rule of the fault plan that changes the outcome of a business step, if any."""
        return self.world.faults.outcome(op, refs or {})


def page_of(
    scope: Scope,
    kind: str,
    url: str,
    params: Mapping[str, Any],
    filters: Mapping[str, Any],
    *,
    oldest_first: bool = False,
) -> Json:
    """Return one page of a list, newest first unless told otherwise, with the API's cursors.

    Raises InvalidRequest when both cursors are given or one names an unknown object.
    """
    limit = params.get("limit", 10)
    if "starting_after" in params and "ending_before" in params:
        raise InvalidRequest("You cannot use both starting_after and ending_before.", param="ending_before")
    bounds: dict[str, int] = {}
    for name, bound in (("starting_after", "before"), ("ending_before", "after")):
        if oldest_first:
            bound = "after" if bound == "before" else "before"
        if name in params:
            seq = scope.store.seq_of(params[name])
            if seq is None:
                raise InvalidRequest(f"No such {kind}: '{params[name]}'", code="resource_missing", param=name)
            bounds[bound] = seq
    backwards = "ending_before" in params
    found = scope.store.select(
        kind,
        account=scope.account,
        filters={name: value for name, value in filters.items() if value is not None},
        created=params.get("created"),
        ascending=backwards != oldest_first,
        limit=limit + 1,
        **bounds,
    )
    page = found[:limit]
    if backwards:
        page.reverse()
    return {"object": "list", "url": url, "has_more": len(found) > limit, "data": page}


def merge_metadata(old: Mapping[str, str], new: Mapping[str, str] | None) -> dict[str, str]:
    """Apply an update of metadata: given keys are set, empty values unset, `{}` clears all."""
    if new is None:
        return dict(old)
    if not new:
        return {}
    return {key: value for key, value in {**old, **new}.items() if value != ""}
