"""Settlement reports: column names, amounts in major units, planned alterations."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import stripe

from sandbox.control import SandboxControl

DAY_S = 86_400
ACTIVITY = "balance_change_from_activity.itemized.3"
RECONCILIATION = "payout_reconciliation.itemized.5"


def report(shop: Any, control: SandboxControl, report_type: str = ACTIVITY, **parameters: Any) -> list[dict[str, str]]:
    """Order a report over all the time so far and return its lines."""
    now = control.clock()
    window = {"interval_start": now - 30 * DAY_S, "interval_end": now + 1}
    run = shop.v1.reporting.report_runs.create(
        params={"report_type": report_type, "parameters": {**window, **parameters}}
    )
    ready = shop.v1.reporting.report_runs.retrieve(run.id)
    assert (run.status, ready.status) == ("pending", "succeeded")
    answer = requests.get(ready.result.url, headers={"Authorization": "Bearer sk_test_x"}, timeout=5)
    assert answer.headers["Content-Type"] == "text/csv"
    assert ready.result.size == len(answer.content)
    return list(csv.DictReader(io.StringIO(answer.text)))


class TestActivityReport:
    def test_has_a_line_for_each_movement(self, shop: Any, control: SandboxControl) -> None:
        intent = shop.paid(card="4000000000000077")
        refund = shop.v1.refunds.create(params={"payment_intent": intent.id, "amount": 250})
        transfer = shop.v1.transfers.create(
            params={"amount": 1_000, "currency": "usd", "destination": shop.seller().id}
        )
        shop.v1.payouts.create(params={"amount": 500, "currency": "usd"})

        lines = report(shop, control)

        told = [(line["reporting_category"], line["gross"], line["fee"], line["net"]) for line in lines]
        assert told == [
            ("charge", "100.00", "3.20", "96.80"),
            ("refund", "-2.50", "0.00", "-2.50"),
            ("transfer", "-10.00", "0.00", "-10.00"),
        ]
        assert [line["source_id"] for line in lines] == [intent.latest_charge.id, refund.id, transfer.id]
        assert [line["payment_intent_id"] for line in lines] == [intent.id, intent.id, ""]
        assert lines[2]["transfer_id"] == transfer.id

    def test_adds_up_to_the_balance(self, shop: Any, control: SandboxControl) -> None:
        intent = shop.paid()
        shop.v1.refunds.create(params={"payment_intent": intent.id, "amount": 33})
        control.open_dispute(shop.paid().latest_charge.id)

        lines = report(shop, control)

        cents = sum(int(line["net"].replace(".", "")) for line in lines)
        assert cents == control.ledger()["totals"]["usd"]["net"]

    def test_writes_moments_in_utc(self, shop: Any, control: SandboxControl) -> None:
        txn = shop.paid().latest_charge.balance_transaction

        line = report(shop, control)[0]

        assert line["created"] == datetime.fromtimestamp(txn.created, UTC).strftime("%Y-%m-%d %H:%M:%S")
        assert line["available_on"].endswith(" 00:00:00")

    @pytest.mark.parametrize(
        ("currency", "amount", "gross"),
        [("jpy", 10_000, "10000"), ("bhd", 10_000, "10.000"), ("brl", 10_000, "100.00"), ("brl", 51, "0.51")],
    )
    def test_writes_amounts_in_major_units(
        self, shop: Any, control: SandboxControl, currency: str, amount: int, gross: str
    ) -> None:
        shop.paid(currency=currency, amount=amount)

        assert report(shop, control)[0]["gross"] == gross

    def test_has_the_columns_asked_for(self, shop: Any, control: SandboxControl) -> None:
        shop.paid()

        lines = report(shop, control, columns=["net", "charge_id", "payment_metadata[order]", "card_brand"])

        assert list(lines[0]) == ["net", "charge_id", "payment_metadata[order]", "card_brand"]
        assert lines[0]["payment_metadata[order]"] == "1"

    def test_refuses_an_unknown_column(self, shop: Any, control: SandboxControl) -> None:
        with pytest.raises(stripe.InvalidRequestError, match="colour"):
            report(shop, control, columns=["colour"])

    def test_is_of_one_currency_and_interval(self, shop: Any, control: SandboxControl) -> None:
        shop.paid(currency="eur")
        control.advance(DAY_S)
        shop.paid()

        euros = report(shop, control, currency="eur")
        today = report(shop, control, interval_start=control.clock() - 3_600)

        assert [line["currency"] for line in euros] == ["eur"]
        assert [line["currency"] for line in today] == ["usd"]

    def test_needs_a_key_to_be_read(self, shop: Any, control: SandboxControl) -> None:
        shop.paid()
        report(shop, control)
        url = shop.v1.reporting.report_runs.list().data[0].result.url

        assert requests.get(url, timeout=5).status_code == 401


class TestReconciliationReport:
    def test_lists_what_each_automatic_payout_covers(self, shop: Any, control: SandboxControl) -> None:
        first = shop.paid(card="4000000000000077").latest_charge.id
        payout = control.sweep("usd")
        shop.paid(card="4000000000000077")
        control.advance(3 * DAY_S)

        lines = report(shop, control, RECONCILIATION)

        assert payout is not None
        assert [line["charge_id"] for line in lines] == [first]
        assert {line["automatic_payout_id"] for line in lines} == {payout["id"]}
        assert lines[0]["automatic_payout_effective_at"] != ""


class TestAlteredReport:
    def test_lacks_a_line(self, shop: Any, control: SandboxControl) -> None:
        hidden, shown = shop.paid(), shop.paid()
        control.plan([{"op": "report", "action": "line_missing", "ref": hidden.id}])

        lines = report(shop, control)

        assert [line["payment_intent_id"] for line in lines] == [shown.id]

    def test_has_a_line_too_many(self, shop: Any, control: SandboxControl) -> None:
        shop.paid()
        values = {"gross": "7.00", "net": "7.00", "source_id": "ch_foreign"}
        control.plan([{"op": "report", "action": "line_extra", "args": {"values": values}}])

        lines = report(shop, control)

        assert [line["gross"] for line in lines] == ["100.00", "7.00"]
        assert lines[1]["source_id"] == "ch_foreign"

    def test_has_another_amount(self, shop: Any, control: SandboxControl) -> None:
        shop.paid()
        shop.paid()
        control.plan([{"op": "report", "action": "line_alter", "nth": 2, "args": {"delta_minor": -101}}])

        lines = report(shop, control)

        assert [(line["gross"], line["net"]) for line in lines] == [("100.00", "96.80"), ("98.99", "95.79")]

    def test_has_another_text(self, shop: Any, control: SandboxControl) -> None:
        shop.paid()
        args = {"column": "currency", "value": "eur"}
        control.plan([{"op": "report", "action": "line_alter", "args": args}])

        assert report(shop, control)[0]["currency"] == "eur"
