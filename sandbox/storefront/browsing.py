"""HTTP as shops and buyers of the sandbox speak it: connections are kept, nothing is repeated, no redirect followed."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import urllib3


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back from an address."""

    url: str
    status: int
    headers: Any
    text: str


class Browser:
    """Ask for addresses, one after the other. Raises urllib3.exceptions.HTTPError where nobody answers."""

    def __init__(self, *, timeout_s: float, headers: dict[str, str]) -> None:
        self._headers = headers
        self._http = urllib3.PoolManager(timeout=timeout_s, retries=False)

    def get(self, url: str) -> Answer:
        """Read an address."""
        return self.ask("GET", url)

    def send(self, url: str, form: dict[str, str]) -> Answer:
        """Send a form."""
        written = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask("POST", url, body=urlencode(form).encode(), headers=written)

    def ask(self, method: str, url: str, *, body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
        """Send any request."""
        sent = {**self._headers, **(headers or {})}
        answer = self._http.request(method, url, body=body, headers=sent, redirect=False)
        return Answer(url=url, status=answer.status, headers=answer.headers, text=answer.data.decode())
