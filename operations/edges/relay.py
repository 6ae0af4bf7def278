"""Messages to storefronts: at least once, each with an id by which the receiver deduplicates."""

from dataclasses import dataclass

import requests

from operations.edges.psp import CallInsideTransaction
from operations.edges.transactions import in_transaction
from operations.failpoints import hit


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What came of one attempt: an HTTP status, or none where no answer came."""

    status: int | None
    detail: str

    @property
    def accepted(self) -> bool:
        """Tell whether the receiver took it: only 2xx counts, a redirect is a failure."""
        return self.status is not None and 200 <= self.status < 300


def send(name: str, *, url: str, body: bytes, headers: dict[str, str], timeout_s: int = 10) -> Delivery:
    """POST one message and report what the receiver said. Never raises for a receiver's failure."""
    if in_transaction():
        raise CallInsideTransaction(op=name)
    hit(f"relay.send:{name}:before")
    try:
        answer = requests.post(url, data=body, headers=headers, timeout=timeout_s, allow_redirects=False)
        delivery = Delivery(status=answer.status_code, detail=answer.text[:200])
    except requests.RequestException as error:
        delivery = Delivery(status=None, detail=type(error).__name__)
    hit(f"relay.send:{name}:after")
    return delivery
