"""Days of trade, played through every process of the family: a marketplace's real orders, twice, and one invented."""

import csv
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from config.embedded.reset import reset
from config.embedded.state import REPOSITORY, StateFolder
from tests.running.test_family import Family, environment, free_port

# One family serves both stories, so they stay together when tests are spread over processes.
pytestmark = [pytest.mark.family, pytest.mark.timeout(300), pytest.mark.xdist_group("replay")]
OLIST = REPOSITORY.parent / "shared" / "data" / "olist"
LIMIT = 12
ORDER = ("order_id", "customer_id", "order_status", "order_purchase_timestamp", "order_approved_at")
ITEM = ("order_id", "order_item_id", "product_id", "seller_id", "price", "freight_value")


@pytest.fixture(scope="module")
def state() -> Iterator[StateFolder]:
    """The state folder of a family that runs; the database's own user can reach it, as it could not pytest's own.

    It holds carts of 50 euros and more for a review; the real orders are in reais.
    """
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="counterfoil-test-") as folder:
        patch.setenv("RISK_CHECK", "lists")
        patch.setenv("RISK_REVIEW_ABOVE_MINOR", "EUR=5000")
        Path(folder).chmod(0o711)
        state = StateFolder(Path(folder) / "state")
        state.create()
        family = Family(state=state, arguments=("--port", free_port()))
        try:
            family.wait_for("Ctrl-C stops it")
            yield state
        finally:
            family.process.terminate()
            family.end()
            reset(state)


def replay(state: StateFolder, orders: Path, items: Path) -> dict[str, Any]:
    """Replay some orders; return the JSON of the last line."""
    files = ["--orders", str(orders), "--items", str(items), "--limit", str(LIMIT)]
    found: dict[str, Any] = json.loads(play(state, "replay_orders", *files, "--json").splitlines()[-1])
    return found


def play(state: StateFolder, *command: str) -> str:
    """Run a command beside the running family, from another terminal; return what it printed."""
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "manage.py"), *command],
        cwd=REPOSITORY,
        env=environment(state),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def total_minor(orders: Path, items: Path) -> int:
    """Return price + freight of the first orders, in centavos, straight from the files."""
    with orders.open(newline="") as file:
        wanted = [row["order_id"] for row in csv.DictReader(file)][:LIMIT]
    with items.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["order_id"] in wanted]
    return sum(int((Decimal(row["price"]) + Decimal(row["freight_value"])) * 100) for row in rows)


def write(path: Path, header: tuple[str, ...], *rows: tuple[str, ...]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def assert_agreed(played: dict[str, Any]) -> None:
    """The books are proved, and agree with the provider to the centavo."""
    assert (played["discrepancies"], played["unexplained_minor"], played["books_proved"]) == (0, 0, True)
    assert played["lines_reconciled"] > 0


class TestRealOrders:
    def test_are_captured_to_the_centavo_and_change_nothing_the_second_time(self, state: StateFolder) -> None:
        orders, items = OLIST / "orders.csv", OLIST / "order_items.csv"
        if not orders.is_file():
            pytest.skip("the published orders are not beside this repository")

        first = replay(state, orders, items)
        second = replay(state, orders, items)

        assert first["orders"] == LIMIT
        assert first["captured_minor"] == total_minor(orders, items)
        assert first["released_minor"] == first["paid_out_minor"] > 0
        assert_agreed(first)
        assert {**second, "seconds": 0} == {**first, "seconds": 0}


class TestACanceledOrder:
    def test_is_refunded_in_full_and_the_other_is_paid_out(self, state: StateFolder, tmp_path: Path) -> None:
        moment = "2017-11-01T09:18:00Z"
        orders = write(
            tmp_path / "orders.csv",
            (*ORDER, "order_delivered_customer_date"),
            ("kept", "bea", "delivered", moment, moment, "2017-11-13T20:32:00Z"),
            ("canceled", "bea", "canceled", moment, moment, ""),
        )
        items = write(
            tmp_path / "items.csv",
            ITEM,
            ("kept", "1", "book", "ann", "80.00", "20.00"),
            ("canceled", "1", "lamp", "ann", "30.00", "5.50"),
            ("canceled", "2", "lamp", "bob", "14.50", "0.00"),
        )

        played = replay(state, orders, items)

        assert (played["orders"], played["captured_minor"], played["refunded_minor"]) == (2, 15_000, 5_000)
        assert (played["released_minor"], played["paid_out_minor"]) == (9_000, 9_000)
        assert_agreed(played)


class TestAnInventedDay:
    def test_ends_beside_the_carts_that_are_held_for_a_review(self, state: StateFolder) -> None:
        printed = play(state, "play_day", "--orders", "12", "--report")

        assert re.search(r"^[1-9]\d* carts are held for a person's review", printed, re.MULTILINE), printed
        assert_agreed(json.loads(printed.splitlines()[-1]))
