"""The shape of a route: which function answers which request, under which name, with which parameters."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.provider.scope import Scope
from sandbox.provider.validation import Schema

Json = dict[str, Any]


@dataclass(frozen=True)
class Route:
    """One endpoint of the API. `op` is its name in fault plans, such as `refund.create`."""

    method: str
    path: str
    op: str
    answer: Callable[..., Json]
    schema: Schema = field(default_factory=dict)
    #: Create and update answers can be replayed by key; reading ones cannot.
    status: int = 200


#: What a stored timer does when its moment comes: (scope at that moment, object id, arguments).
TimerHandler = Callable[[Scope, str, Json], None]
