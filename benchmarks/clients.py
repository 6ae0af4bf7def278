"""Clients that post as the application does, all at once: worker processes of four threads, as it is deployed.

Each thread has a connection of its own. `python -m benchmarks.clients KIND SECONDS SEED THREADS` is one process: it
says `ready`, waits for a line, works for that long, and prints how much it did and how long each transaction took.
"""

import importlib
import json
import os
import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from typing import Any

import django

SELLERS = 5_000
BATCH = 100
# Of one process, as in docs/operations.md.
THREADS = 4


@dataclass(frozen=True)
class Throughput:
    """Transfers a second of all clients together, and the latencies of their transactions in milliseconds."""

    per_second: float
    p50_ms: float
    p99_ms: float


def run_clients(kind: str, *, clients: int, seconds: int) -> Throughput:
    """Run so many clients at once and add up what they did."""
    argv = [sys.executable, "-m", "benchmarks.clients", kind, str(seconds)]
    children = [
        subprocess.Popen(
            [*argv, str(first), str(min(THREADS, clients - first))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for first in range(0, clients, THREADS)
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
        results.extend(json.loads(output))
    latencies = sorted(value for result in results for value in result["latencies_ms"])
    return Throughput(
        per_second=sum(result["done"] / result["seconds"] for result in results),
        p50_ms=statistics.median(latencies),
        p99_ms=latencies[int(len(latencies) * 0.99)],
    )


def _work(kind: str, seconds: float, seed: int, threads: int) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = (
        "benchmarks.hordak_settings" if kind.startswith("hordak") else "config.settings"
    )
    django.setup()
    module = "benchmarks.hordak_work" if kind.startswith("hordak") else "benchmarks.work"
    work = importlib.import_module(module)
    start = threading.Barrier(threads + 1)

    def client(number: int) -> dict[str, Any]:
        step, size = work.make(kind, random.Random(number), f"{os.getpid()}-{number}-{time.time_ns()}")
        numbers = count()
        for _ in range(5):
            step(next(numbers))
        start.wait()
        start.wait()
        return _measure(step, size, numbers, seconds)

    with ThreadPoolExecutor(threads) as pool:
        clients = [pool.submit(client, seed + number) for number in range(threads)]
        start.wait()
        print("ready", flush=True)
        sys.stdin.readline()
        start.wait()
        print(json.dumps([found.result() for found in clients]))


def _measure(step: Callable[[int], None], size: int, numbers: "count[int]", seconds: float) -> dict[str, Any]:
    done, latencies = 0, []
    started = time.perf_counter()
    until = started + seconds
    now = started
    while now < until:
        step(next(numbers))
        then, now = now, time.perf_counter()
        latencies.append(round((now - then) * 1000, 3))
        done += size
    return {"done": done, "seconds": now - started, "latencies_ms": latencies}


if __name__ == "__main__":
    _work(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
