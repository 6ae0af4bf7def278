"""Load over HTTP, from a process of its own: so many clients, each with one connection kept open.

`python -m benchmarks.http_load URL PATH CLIENTS SECONDS RATE` reads the template of a JSON body from standard input, in
which `@` stands for a name that no other request has, and prints how many answers there were by status, with latencies.
Closed, with a RATE of 0: each client asks again when answered. Open: requests are due at fixed moments whether or
not the ones before were answered, and latency counts from when one was due.
"""

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from urllib.parse import urlsplit

_TIMEOUT_S = 30


@dataclass
class Answers:
    """How many answers by status (0: none came), latencies in ms, which bodies were accepted, who was told to wait."""

    seconds: float = 0
    statuses: Counter[str] = field(default_factory=Counter)
    latencies_ms: list[float] = field(default_factory=list)
    refused_ms: list[float] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    untold: int = 0

    @property
    def good(self) -> int:
        """Return how many were accepted."""
        return sum(number for status, number in self.statuses.items() if status.startswith("2"))

    @property
    def per_second(self) -> float:
        """Return how many a second were accepted."""
        return self.good / self.seconds if self.seconds else 0

    def percentile_ms(self, percent: int, *, refused: bool = False) -> float:
        """Return a percentile of the latencies of what was accepted, or of what was refused."""
        found = sorted(self.refused_ms if refused else self.latencies_ms)
        return found[min(len(found) - 1, len(found) * percent // 100)] if found else 0


def load(
    url: str, path: str, body: str, *, key: str, clients: int, seconds: float, rate: float | None = None
) -> Answers:
    """Run the load in a process of its own, so that it has its own interpreter lock, and return what came of it."""
    argv = [sys.executable, "-m", "benchmarks.http_load", url, path, str(clients), str(seconds), str(rate or 0)]
    environment = {**os.environ, "LOAD_API_KEY": key}
    done = subprocess.run(argv, input=body, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        raise RuntimeError(f"the load generator failed: {done.stderr[-2000:]}")
    found = json.loads(done.stdout)
    return Answers(**{**found, "statuses": Counter(found["statuses"])})


class _Client:
    def __init__(self, url: str, path: str, template: str, key: str) -> None:
        self._at = urlsplit(url)
        self._path, self._template = path, template
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, name: str) -> tuple[int, bool]:
        """Send one request; return its status, 0 without an answer, and whether a refusal said when to come back."""
        headers = {**self._headers, "Idempotency-Key": name}
        try:
            if self._connection is None:
                host, port = self._at.hostname or "", self._at.port
                self._connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
            self._connection.request("POST", self._path, self._template.replace("@", name), headers)
            answer = self._connection.getresponse()
            answer.read()
            return answer.status, answer.headers.get("Retry-After") is not None
        except (OSError, http.client.HTTPException):
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            return 0, False


def main() -> None:
    """Make the load and print what came of it."""
    url, path = sys.argv[1:3]
    clients, seconds, rate = int(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5])
    template, key = sys.stdin.read(), os.environ["LOAD_API_KEY"]
    answers, lock, numbers, run = Answers(), threading.Lock(), count(), f"{os.getpid()}-{time.time_ns()}"
    started = time.perf_counter()

    def client() -> None:
        asking = _Client(url, path, template, key)
        while True:
            with lock:
                number = next(numbers)
            due = started + number / rate if rate else time.perf_counter()
            if due - started >= seconds:
                return
            time.sleep(max(0.0, due - time.perf_counter()))
            name = f"{run}-{number}"
            status, told = asking.ask(name)
            _note(answers, lock, name, status, told, (time.perf_counter() - due) * 1000)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers.seconds = time.perf_counter() - started
    print(json.dumps(vars(answers)))


def _note(answers: Answers, lock: threading.Lock, name: str, status: int, told: bool, ms: float) -> None:
    with lock:
        answers.statuses[str(status)] += 1
        if 200 <= status < 300:
            answers.latencies_ms.append(round(ms, 2))
            answers.accepted.append(name)
        else:
            answers.refused_ms.append(round(ms, 2))
            answers.untold += not told


if __name__ == "__main__":
    main()
