"""`make bench-ledger`: how fast the books are, as ratios against stated limits, written to docs/benchmarks.md."""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import history, hordak
from benchmarks.clients import BATCH, Throughput, run_clients
from benchmarks.limits import Limits
from benchmarks.server import Server, durable_server

_REPORT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
_SEED = "import django; django.setup(); from benchmarks import work; work.fund()"
# What is compared with which limit, in the order of the report: kind of work, limit, clients, goal.
_GOALS = (
    ("random", "R", 8, 0.40),
    ("random", "R", 1, 0.55),
    ("capture", "H", 8, 1.10),
    ("batch", "R", 8, 1.80),
    ("random_tx", "R", 8, None),
    ("capture_tx", "H", 8, None),
    ("random", "hordak_random", 8, 5.0),
    ("capture", "hordak_hot", 8, 5.0),
)
_WORDS = {
    "random": "transfers between 10,000 guarded accounts, one round trip",
    "random_tx": "the same within a transaction of Django's",
    "capture": "captures on two hot accounts and a seller's, one round trip",
    "capture_tx": "the same within a transaction of Django's",
    "batch": f"transfers in batches of {BATCH}",
    "R": "limit R",
    "H": "limit H",
    "hordak_random": "django-hordak, random accounts",
    "hordak_hot": "django-hordak, one hot account",
}


def main() -> None:
    """Measure, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=6, help="interleaved rounds (6)")
    parser.add_argument("--seconds", type=int, default=5, help="how long each part of a round works (5)")
    parser.add_argument("--lines", type=int, nargs="*", default=[1_000_000, 10_000_000], help="lengths of history")
    options = parser.parse_args()
    with durable_server() as server:
        posting = _posting(server, rounds=options.rounds, seconds=options.seconds)
        reads = _reads(server, options.lines, rounds=options.rounds)
    command = f'make bench-ledger ARGS="{" ".join(sys.argv[1:])}"' if sys.argv[1:] else "make bench-ledger"
    _REPORT.write_text(_report(posting, reads, version=server.version, command=command), encoding="utf-8")
    print(_REPORT.read_text(encoding="utf-8"))


def _posting(server: Server, *, rounds: int, seconds: int) -> dict[str, object]:
    limits = Limits(server)
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    subprocess.run([sys.executable, "-c", _SEED], check=True, env=environment)
    hordak.prepare(server)
    ratios: dict[tuple[str, str, int], list[float]] = defaultdict(list)
    speeds: dict[tuple[str, int], list[float]] = defaultdict(list)
    latencies: dict[tuple[str, int], list[Throughput]] = defaultdict(list)
    for _ in range(rounds):
        for clients in (8, 1):
            measured: dict[str, float] = {}
            for kind in sorted({name for goal in _GOALS for name in goal[:2] if goal[2] == clients}):
                if kind in ("R", "H"):
                    measured[kind] = limits.measure(kind, clients=clients, seconds=seconds)
                else:
                    found = run_clients(kind, clients=clients, seconds=seconds)
                    measured[kind] = found.per_second
                    latencies[kind, clients].append(found)
                speeds[kind, clients].append(measured[kind])
            for kind, limit, of, _goal in _GOALS:
                if of == clients:
                    ratios[kind, limit, of].append(measured[kind] / measured[limit])
    return {"ratios": ratios, "speeds": speeds, "latencies": latencies, "deadlocks": server.deadlocks()}


def _reads(server: Server, lengths: list[int], *, rounds: int) -> dict[int, list[dict[str, float]]]:
    """Read books of several lengths in turn, on one server; return each round's medians, by length."""
    books = {lines: server.another(f"bench_{lines}") for lines in sorted(lengths)}
    for lines, one in books.items():
        history.load(one, lines=lines)
    found: dict[int, list[dict[str, float]]] = {lines: [] for lines in books}
    for _ in range(rounds):
        for lines, one in books.items():
            argv = [sys.executable, "-m", "benchmarks.reads"]
            environment = {**os.environ, "DATABASE_URL": one.url}
            done = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True, env=environment)
            found[lines].append(json.loads(done.stdout))
    return found


def _report(posting: dict[str, object], reads: dict[int, list[dict[str, float]]], *, version: str, command: str) -> str:
    parts = [
        "# Benchmarks of the books",
        "",
        f"Written by `{command}` on {datetime.now(UTC):%Y-%m-%d}: PostgreSQL {version}, durable, {os.cpu_count()} cores"
        " shared by server and clients. Only ratios taken within one round count; speeds say on what machine.",
        "",
        "- **Limit R**: one statement writes 1 transaction row and 2 entry rows and moves 2 of 10,000 balances;"
        " no checks, no indexes but primary keys; by pgbench with prepared statements.",
        "- **Limit H**: the same with one account in every transaction.",
        "",
        "| work, all guards on, from Django | against | clients | ratio (median, least–most) | goal | per second"
        " | p50 / p99 |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for kind, limit, clients, goal in _GOALS:
        found = posting["ratios"][kind, limit, clients]  # type: ignore[index]
        speed = statistics.median(posting["speeds"][kind, clients])  # type: ignore[index]
        latency = posting["latencies"][kind, clients]  # type: ignore[index]
        middle = f"{statistics.median(one.p50_ms for one in latency):.2f} / "
        middle += f"{statistics.median(one.p99_ms for one in latency):.1f} ms"
        met = "" if goal is None else f"{goal:g}" + ("" if statistics.median(found) >= goal else " (not met)")
        parts.append(
            f"| {_WORDS[kind]} | {_WORDS[limit]} | {clients} | {statistics.median(found):.2f}"
            f" ({min(found):.2f}–{max(found):.2f}) | {met} | {speed:,.0f} | {middle} |"
        )
    parts += ["", f"Deadlocks: {posting['deadlocks']}.", ""]
    parts += _read_table(reads)
    return "\n".join(parts) + "\n"


def _read_table(reads: dict[int, list[dict[str, float]]]) -> list[str]:
    if not reads:
        return []
    lengths = sorted(reads)
    first, last = reads[lengths[0]], reads[lengths[-1]]
    rows = [
        "Growth, and what stands beside something else, is the median of the ratios of each round.",
        "",
        "| read, median ms | " + " | ".join(f"{length:,} lines" for length in lengths) + " | growth |",
        "| --- |" + " --- |" * (len(lengths) + 1),
    ]
    for name in first[0]:
        growth = f"{_ratio(last, name, first, name):.2f}" if len(lengths) > 1 else ""
        medians = (statistics.median(found[name] for found in reads[length]) for length in lengths)
        rows.append(f"| {name} | " + " | ".join(f"{median:g}" for median in medians) + f" | {growth} |")
    beside = [
        ("A trial balance beside a look-up by primary key", "goal 100", ["trial balance", "primary key"]),
        ("A full proof beside one count of the lines", "goal 30 at 1,000,000", ["full proof", "count of the lines"]),
    ]
    for what, goal, names in beside:
        found = ", ".join(
            f"{_ratio(reads[length], names[0], reads[length], names[1]):.0f} at {length:,} lines" for length in lengths
        )
        rows += ["", f"{what}: {found} ({goal})."]
    return rows


def _ratio(these: list[dict[str, float]], name: str, those: list[dict[str, float]], other: str) -> float:
    return statistics.median(one[name] / two[other] for one, two in zip(these, those, strict=True))


if __name__ == "__main__":
    main()
