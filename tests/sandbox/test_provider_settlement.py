"""Trade settled in another currency than it was charged in: balance transactions, fees, disputes, reports, payouts."""

import json
from decimal import Decimal
from typing import Any

import pytest
import requests

from sandbox.control import ControlRefused, SandboxControl
from tests.sandbox.test_provider_reports import report


@pytest.fixture
def in_euros(control: SandboxControl) -> SandboxControl:
    """An account that settles in euros, and today's rates."""
    control.settle_in("eur", {"usd": "0.92345", "jpy": "0.006174", "bhd": "2.4512"})
    return control


def txn_of(shop: Any, **sale: Any) -> Any:
    return shop.paid(**sale).latest_charge.balance_transaction


class TestACharge:
    @pytest.mark.parametrize(
        ("currency", "amount", "settled", "fee"),
        [
            ("usd", 10_000, 9_235, 298),
            ("usd", 99, 91, 33),
            ("jpy", 10_000, 6_174, 209),
            ("bhd", 10_000, 2_451, 101),
            ("eur", 10_000, 10_000, 320),
        ],
    )
    def test_reaches_the_balance_converted_to_the_cent_and_pays_its_fee_there(
        self, shop: Any, in_euros: SandboxControl, currency: str, amount: int, settled: int, fee: int
    ) -> None:
        txn = txn_of(shop, currency=currency, amount=amount)

        assert (txn.currency, txn.amount, txn.fee, txn.net) == ("eur", settled, fee, settled - fee)
        assert [part["currency"] for part in txn.fee_details] == ["eur"]

    @pytest.mark.parametrize(("currency", "shown"), [("usd", "0.92345"), ("jpy", "0.6174"), ("bhd", "0.24512")])
    def test_shows_the_rate_as_a_number_between_amounts_as_the_api_writes_them(
        self, shop: Any, in_euros: SandboxControl, currency: str, shown: str
    ) -> None:
        txn = txn_of(shop, currency=currency)

        found = shop.raw("GET", f"/v1/balance_transactions/{txn.id}").text

        assert json.loads(found, parse_float=Decimal)["exchange_rate"] == Decimal(shown)

    def test_stays_in_its_currency_where_that_has_no_rate(self, shop: Any, in_euros: SandboxControl) -> None:
        txn = txn_of(shop, currency="gbp")

        assert (txn.currency, txn.amount, txn.exchange_rate) == ("gbp", 10_000, None)

    def test_stays_in_its_currency_once_that_was_ended(self, shop: Any, in_euros: SandboxControl) -> None:
        in_euros.settle_in(None)

        assert txn_of(shop).currency == "usd"

    def test_is_settled_anew_in_the_next_run(self, shop: Any, in_euros: SandboxControl) -> None:
        in_euros.reset()

        assert txn_of(shop).currency == "usd"


class TestARefund:
    def test_has_the_rate_of_its_day(self, shop: Any, in_euros: SandboxControl) -> None:
        intent = shop.paid()
        in_euros.settle_in("eur", {"usd": "0.95"})

        refund = shop.v1.refunds.create(
            params={"payment_intent": intent.id, "amount": 4_000, "expand": ["balance_transaction"]}
        )

        txn = refund.balance_transaction
        assert (refund.amount, refund.currency) == (4_000, "usd")
        assert (txn.amount, txn.currency, str(txn.exchange_rate), txn.fee) == (-3_800, "eur", "0.95", 0)

    def test_comes_back_at_the_rate_of_the_day_on_which_it_failed(self, shop: Any, in_euros: SandboxControl) -> None:
        refund = shop.v1.refunds.create(params={"payment_intent": shop.paid().id})
        in_euros.settle_in("eur", {"usd": "0.95"})

        in_euros.end_refund(refund.id, failed=True)

        failed = shop.v1.refunds.retrieve(refund.id, params={"expand": ["failure_balance_transaction"]})
        back = failed.failure_balance_transaction
        assert (back.amount, back.currency) == (9_500, "eur")


class TestADispute:
    def test_takes_and_gives_back_in_the_settlement_currency(self, shop: Any, in_euros: SandboxControl) -> None:
        made = in_euros.open_dispute(shop.paid().latest_charge.id)
        in_euros.settle_in("eur", {"usd": "0.95"})
        in_euros.decide_dispute(made["id"], won=True)
        in_euros.return_dispute_fee(made["id"])

        dispute = shop.v1.disputes.retrieve(made["id"])

        assert (dispute.amount, dispute.currency) == (10_000, "usd")
        told = [(txn.amount, txn.fee, txn.currency) for txn in dispute.balance_transactions]
        assert told == [(-9_235, 2_000, "eur"), (9_500, 0, "eur"), (0, -2_000, "eur")]

    def test_that_was_lost_gives_back_what_it_took_whatever_the_rate(self, shop: Any, in_euros: SandboxControl) -> None:
        made = in_euros.open_dispute(shop.paid().latest_charge.id)
        in_euros.decide_dispute(made["id"], won=False)
        in_euros.settle_in("eur", {"usd": "0.95"})

        in_euros.recover_dispute(made["id"])

        assert shop.v1.disputes.retrieve(made["id"]).balance_transactions[-1].amount == 9_500
        with pytest.raises(ControlRefused, match="can come back late"):
            in_euros.recover_dispute(made["id"])


class TestTheReports:
    def test_are_in_the_settlement_currency_and_say_what_the_buyer_saw(
        self, shop: Any, in_euros: SandboxControl
    ) -> None:
        shop.v1.refunds.create(params={"payment_intent": shop.paid().id, "amount": 4_000})
        wanted = "currency gross fee net customer_facing_amount customer_facing_currency"

        lines = report(shop, in_euros, columns=wanted.split())

        assert [tuple(line.values()) for line in lines] == [
            ("eur", "92.35", "2.98", "89.37", "100.00", "usd"),
            ("eur", "-36.94", "0.00", "-36.94", "-40.00", "usd"),
        ]

    def test_cover_a_payout_that_mixes_converted_and_other_trade(self, shop: Any, in_euros: SandboxControl) -> None:
        shop.paid(card="4000000000000077")
        shop.paid(card="4000000000000077", currency="eur")

        payout = in_euros.sweep("eur")

        assert payout
        assert payout["amount"] == 8_937 + 9_680
        covered = shop.v1.balance_transactions.list(params={"payout": payout["id"]}).data
        assert sorted(txn.net for txn in covered) == [-18_617, 8_937, 9_680]


class TestATransfer:
    def test_takes_a_converted_charge_for_its_source_only_in_the_settlement_currency(
        self, shop: Any, in_euros: SandboxControl
    ) -> None:
        wanted = {"source_transaction": shop.paid().latest_charge.id, "destination": shop.seller().id}

        refused = shop.raw("POST", "/v1/transfers", {**wanted, "amount": 100, "currency": "usd"})
        too_much = shop.raw("POST", "/v1/transfers", {**wanted, "amount": 9_236, "currency": "eur"})
        taken = shop.raw("POST", "/v1/transfers", {**wanted, "amount": 9_235, "currency": "eur"})

        assert [answer.status_code for answer in (refused, too_much, taken)] == [400, 400, 200]


class TestTheSetting:
    @pytest.mark.parametrize("rate", ["0", "-1", "NaN", "x", "", 1])
    def test_refuses_what_is_no_rate(self, control: SandboxControl, rate: Any) -> None:
        with pytest.raises(ControlRefused, match="decimal number above zero"):
            control.settle_in("eur", {"usd": rate})

    def test_says_what_to_send(self, control: SandboxControl) -> None:
        answer = requests.post(f"{control.base_url}/_settlement", json={"rates": {}}, timeout=5)

        assert (answer.status_code, answer.json()["error"][:6]) == (400, "Send {")
