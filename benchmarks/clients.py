"""Client processes that post as the application does, each with its own connection, all at once.

`python -m benchmarks.clients KIND SECONDS SEED` is one of them: it says `ready`, waits for a line, works for that
long, and prints how much it did and how long each transaction took.
"""

import importlib
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import django

SELLERS = 5_000
BATCH = 100


@dataclass(frozen=True)
class Throughput:
    """Transfers a second of all clients together, and the latencies of their transactions in milliseconds."""

    per_second: float
    p50_ms: float
    p99_ms: float


def run_clients(kind: str, *, clients: int, seconds: int) -> Throughput:
    """Run so many client processes at once and add up what they did."""
    argv = [sys.executable, "-m", "benchmarks.clients", kind, str(seconds)]
    children = [
        subprocess.Popen([*argv, str(seed)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for seed in range(clients)
    ]
    for child in children:
        assert child.stdout is not None
        if child.stdout.readline() != "ready\n":
            raise RuntimeError(f"a client of {kind} did not start")
    results = []
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        output, _ = child.communicate()
        if child.returncode != 0:
            raise RuntimeError(f"a client of {kind} failed")
        results.append(json.loads(output))
    latencies = sorted(value for result in results for value in result["latencies_ms"])
    return Throughput(
        per_second=sum(result["done"] / result["seconds"] for result in results),
        p50_ms=statistics.median(latencies),
        p99_ms=latencies[int(len(latencies) * 0.99)],
    )


def _work(kind: str, seconds: float, seed: int) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = (
        "benchmarks.hordak_settings" if kind.startswith("hordak") else "config.settings"
    )
    django.setup()
    module = "benchmarks.hordak_work" if kind.startswith("hordak") else "benchmarks.work"
    work = importlib.import_module(module)
    step, size = work.make(kind, random.Random(seed), f"{os.getpid()}-{time.time_ns()}")
    numbers = count()
    for _ in range(5):
        step(next(numbers))
    print("ready", flush=True)
    sys.stdin.readline()
    _measure(step, size, numbers, seconds)


def _measure(step: Callable[[int], None], size: int, numbers: "count[int]", seconds: float) -> None:
    done, latencies = 0, []
    started = time.perf_counter()
    until = started + seconds
    now = started
    while now < until:
        step(next(numbers))
        then, now = now, time.perf_counter()
        latencies.append(round((now - then) * 1000, 3))
        done += size
    print(json.dumps({"done": done, "seconds": now - started, "latencies_ms": latencies}))


if __name__ == "__main__":
    _work(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
