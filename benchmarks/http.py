"""`make bench-http`: what the API bears, written to docs/benchmarks-http.md.

Four questions: what our own part of a payment costs beside a bare view that writes the same rows; a trade of so many
payments a second, from order to books, with every webhook; five hundred submits of one key at once; and a spike.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from benchmarks.http_load import Answers, load
from benchmarks.http_trade import KEY, open_sellers, seller
from benchmarks.server import durable_server
from config.embedded.state import default_root
from sandbox.process import free_port

_REPORT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks-http.md"
_BODY = json.dumps(
    {
        "checkout_id": "@",
        "buyer_info": {"buyer_id": "bea"},
        "payment_orders": [
            {"payment_order_id": "@", "seller_account": seller(1), "amount": "25.00", "currency": "EUR"}
        ],
    }
)
_SUBMITS = 500
_CLIENTS = 8


def main() -> None:
    """Measure, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=6, help="interleaved rounds of the comparison (6)")
    parser.add_argument("--seconds", type=int, default=5, help="how long each part of a round works (5)")
    # At exactly 50 not quite 200 webhooks a second arise, over a trade that begins with none.
    parser.add_argument("--rate", type=float, default=52, help="payments a second of the trade (52)")
    parser.add_argument("--minutes", type=float, default=5, help="how long the trade lasts (5; 0: none)")
    parser.add_argument("--spike", type=float, default=1200, help="requests a second of the spike (1200)")
    parser.add_argument("--spike-seconds", type=float, default=60, help="how long the spike lasts (60; 0: none)")
    options = parser.parse_args()
    parts = ["# Benchmarks over HTTP", "", _preface()]
    _keep(parts, _beside_a_bare_view(rounds=options.rounds, seconds=options.seconds))
    with _family() as url:
        open_sellers(url, KEY)
        _keep(parts, _one_key(url))
        if options.minutes:
            _keep(parts, _trade(url, rate=options.rate, seconds=options.minutes * 60))
        if options.spike_seconds:
            _keep(parts, _spike(url, rate=options.spike, seconds=options.spike_seconds))


def _keep(parts: list[str], more: list[str]) -> None:
    """Add a part to the report and write it: what was measured is not lost with what comes after."""
    parts += more
    _REPORT.write_text("\n".join(parts) + "\n", encoding="utf-8")
    print("\n".join(more), flush=True)


def _preface() -> str:
    command = f'make bench-http ARGS="{" ".join(sys.argv[1:])}"' if sys.argv[1:] else "make bench-http"
    return (
        f"Written by `{command}` on {datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} cores shared by database, web"
        " server, workers, the stand-in provider and the clients. Only ratios taken within one round count."
    )


def _beside_a_bare_view(*, rounds: int, seconds: int) -> list[str]:
    """Compare POST /v1/payments, with a provider that answers at once, with a bare view that writes the same rows."""
    ratios, found = [], {"/v1/payments": [], "/bare/payments": []}  # type: ignore[var-annotated]
    with durable_server(), _bare_web() as url:
        _seed_bare()
        for path in found:
            load(url, path, _BODY, key=KEY, clients=_CLIENTS, seconds=2)
        for _ in range(rounds):
            for path, speeds in found.items():
                answers = load(url, path, _BODY, key=KEY, clients=_CLIENTS, seconds=seconds)
                if answers.good < sum(answers.statuses.values()):
                    raise RuntimeError(f"{path} answered {dict(answers.statuses)}")
                speeds.append(answers.per_second)
            ratios.append(found["/v1/payments"][-1] / found["/bare/payments"][-1])
    ours, bare = (statistics.median(speeds) for speeds in found.values())
    ratio = f"**{statistics.median(ratios):.2f}** ({min(ratios):.2f}–{max(ratios):.2f}; goal 0.7)"
    return [
        "",
        "## A payment beside a bare view",
        "",
        "`POST /v1/payments` with a provider that answers at once, beside a bare view that writes the same rows in one"
        f" transaction; {_CLIENTS} clients, gunicorn with two workers of four threads: {ratio}."
        f" {ours:,.0f} and {bare:,.0f} a second.",
    ]


def _one_key(url: str) -> list[str]:
    """Submit one payment five hundred times at once, each as a client that repeats it."""
    statuses: Counter[int] = Counter()
    start, lock = threading.Barrier(_SUBMITS), threading.Lock()
    body = _BODY.replace("@", "one-key")

    def submit() -> None:
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        start.wait()
        answer = requests.post(
            f"{url}/v1/payments", data=body, headers={**headers, "Idempotency-Key": "one-key"}, timeout=60
        )
        with lock:
            statuses[answer.status_code] += 1

    threads = [threading.Thread(target=submit) for _ in range(_SUBMITS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    facts = _check()
    words = ", ".join(f"{number} × {status}" for status, number in sorted(statuses.items()))
    return [
        "",
        f"## {_SUBMITS} submits of one key at once",
        "",
        f"{words}; {facts['checkouts']} checkout, {facts['sessions']} session at the provider,"
        f" {sum(number for status, number in statuses.items() if status >= 500)} server errors (goal: 1, 1, 0).",
    ]


def _trade(url: str, *, rate: float, seconds: float) -> list[str]:
    """Trade at a steady rate, then wait for quiet, and compare with the provider's own record."""
    argv = [sys.executable, "-m", "benchmarks.http_trade", url, KEY, str(rate), str(seconds), "16"]
    log = default_root() / "bench-http" / "access.log"
    log.write_text("")
    before = _check()
    done = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True)
    trade: dict[str, Any] = json.loads(done.stdout)
    facts = _check(paid=before["paid"] + len(trade["paid"]), ended=time.time())
    lines = [line.split() for line in log.read_text().splitlines()]
    intake = sorted(int(micros) / 1000 for path, _, micros in lines if path.startswith("/webhooks"))
    p50, p99 = (intake[len(intake) * percent // 100] if intake else 0 for percent in (50, 99))
    webhooks = facts["webhooks"] - before["webhooks"]
    during = (facts["webhooks_by_then"] - before["webhooks"]) / trade["seconds"]
    after = facts["webhooks"] - facts["webhooks_by_then"]
    quiet = f"all quiet {facts['quiet_s']:.0f} s after" if not facts["unrest"] else "NOT quiet ten minutes after"
    paid = len(trade["paid"])
    return [
        "",
        "## A trade, from order to books",
        "",
        f"{rate:g} payments a second for {seconds:g} s, each paid on the provider's page: {trade['offered']} offered"
        f" ({trade['late']} of them over a second late, {trade['repeated']} sent again after a 503),"
        f" {trade['created']} created, {paid} paid, {paid / trade['seconds']:.0f} a second;"
        f" {len(trade['failed'])} failed.",
        "",
        f"- Webhooks: {webhooks}, {during:.0f} a second during the trade and {after} after it, taken in within"
        f" {p50:.0f} ms (p50) and {p99:.0f} ms (p99) by the web server's clock (goal 200 a second, 250 ms).",
        f"- Acted on within {facts['slowest_s']:.1f} s of when they came and {facts['latest_s']:.1f} s of when it"
        f" happened, at the latest; {quiet} the last payment (goal 120 s).",
        f"- Lost {facts['lost']}, doubled {facts['doubled']}, dead letters {facts['dead']}, of {facts['charged']}"
        " charges at the provider.",
    ]


def _spike(url: str, *, rate: float, seconds: float) -> list[str]:
    """Offer far more than can be done, from two processes, and see that what was accepted is finished."""
    halves: list[Answers] = []

    def half() -> None:
        halves.append(load(url, "/v1/payments", _BODY, key=KEY, clients=400, seconds=seconds, rate=rate / 2))

    threads = [threading.Thread(target=half) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statuses = sum((one.statuses for one in halves), Counter[str]())
    offered = sum(statuses.values())
    accepted = [name for one in halves for name in one.accepted]
    unfinished = _unfinished(url, accepted)
    named = {status: "no answer" if status == "0" else status for status in statuses}
    words = ", ".join(f"{number} × {named[status]}" for status, number in sorted(statuses.items()))
    sent = offered / max(half.seconds for half in halves)
    refused = [max(half.percentile_ms(percent, refused=True) for half in halves) for percent in (50, 99)]
    taken = [max(half.percentile_ms(percent) for half in halves) for percent in (50, 99)]
    return [
        "",
        "## A spike",
        "",
        f"{rate:g} requests a second offered for {seconds:g} s; {offered} sent, {sent:.0f} a second: {words}."
        f" Refusals without Retry-After: {sum(half.untold for half in halves)}.",
        "",
        f"- Refused within {refused[0]:.0f} ms (p50) and {refused[1]:.0f} ms (p99) of when they were due, accepted"
        f" within {taken[0]:.0f} and {taken[1]:.0f} ms.",
        f"- Of {len(accepted)} accepted, a sample of {min(200, len(accepted))} was asked for 20 s later: {unfinished}"
        " of them were not payable.",
    ]


def _unfinished(url: str, names: list[str]) -> int:
    """Return how many of the accepted payments are not payable a while later; a sample of them is asked for."""
    time.sleep(20)
    http = requests.Session()
    http.headers["Authorization"] = f"Bearer {KEY}"
    sample = names[:: max(1, len(names) // 200)][:200]
    states = []
    for name in sample:
        answer = http.get(f"{url}/v1/payments/{name}", timeout=30)
        while answer.status_code == 429:
            time.sleep(float(answer.headers.get("Retry-After", "1")))
            answer = http.get(f"{url}/v1/payments/{name}", timeout=30)
        states.append(answer.json().get("status"))
    return sum(state != "EXECUTING" for state in states)


def _check(**wait_for: float) -> dict[str, Any]:
    """Return what stands in the database; with `paid` and `ended`, once so many are booked and all is quiet."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.http_check", *map(str, wait_for.values())],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=_of_the_family(),
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _of_the_family() -> dict[str, str]:
    """Return the environment that finds the family, and neither another server nor the one measured before."""
    others = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "BROKER_URL")}
    return {**others, "COUNTERFOIL_STATE": str(default_root() / "bench-http")}


def _seed_bare() -> None:
    program = (
        "import django; django.setup()\n"
        "from config.demo.storefronts import DEMO, ensure; ensure(DEMO)\n"
        "from benchmarks.bare.views import seed; seed()"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env=_bare_environment())


def _bare_environment() -> dict[str, str]:
    return {**os.environ, "DJANGO_SETTINGS_MODULE": "benchmarks.bare.settings"}


@contextmanager
def _bare_web() -> Iterator[str]:
    port = free_port()
    argv = [sys.executable, "-m", "gunicorn", "config.wsgi:application", "--workers", "2"]
    argv += ["-k", "config.web_server.SheddingWorker"]
    argv += [
        "--threads",
        "4",
        "--bind",
        f"127.0.0.1:{port}",
        "--preload",
        "--no-control-socket",
        "--log-level",
        "error",
    ]
    with subprocess.Popen(argv, env=_bare_environment()) as web:
        try:
            yield _ready(f"http://127.0.0.1:{port}", web)
        finally:
            web.terminate()


@contextmanager
def _family() -> Iterator[str]:
    """Run the whole family in a state folder of its own, from nothing, and return the web server's address."""
    state, port = default_root() / "bench-http", free_port()
    environment = _of_the_family()
    subprocess.run(
        [sys.executable, "tools/bootstrap.py", "reset"], check=False, env=environment, stdout=subprocess.DEVNULL
    )
    state.mkdir(parents=True, exist_ok=True)
    form = '"%(U)s %(s)s %(D)s"'
    environment["GUNICORN_CMD_ARGS"] = f"--access-logfile {state / 'access.log'} --access-logformat {form}"
    argv = [sys.executable, "manage.py", "dev", "--quiet", "--port", str(port)]
    with subprocess.Popen(argv, env=environment, stdout=subprocess.DEVNULL) as family:
        try:
            yield _ready(f"http://127.0.0.1:{port}", family)
        finally:
            family.send_signal(signal.SIGINT)


def _ready(url: str, process: "subprocess.Popen[Any]") -> str:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(f"{url}/readyz", timeout=2).ok:
                return url
        except requests.RequestException:
            time.sleep(0.2)
    raise RuntimeError(f"{url} did not come up")


if __name__ == "__main__":
    main()
