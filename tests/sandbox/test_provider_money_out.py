"""Connected accounts, transfers, payouts and balances."""

from typing import Any

import pytest
import stripe

from sandbox.control import SandboxControl

DAY_S = 86_400
AT_ONCE = "4000000000000077"


class TestAccount:
    def test_is_ready_for_transfers(self, shop: Any) -> None:
        account = shop.seller(country="BR", email="bob@example.com", metadata={"seller": "bob"})

        assert (account.charges_enabled, account.payouts_enabled) == (True, True)
        assert (account.default_currency, account.capabilities.transfers) == ("brl", "active")
        assert shop.v1.accounts.list().data[0].metadata["seller"] == "bob"

    def test_is_restricted_by_fate(self, shop: Any, control: SandboxControl) -> None:
        account = shop.seller()

        control.set_account(account.id, payouts_enabled=False, requirements={"currently_due": ["tos_acceptance.date"]})

        seen = shop.v1.accounts.retrieve(account.id)
        assert not seen.payouts_enabled
        assert seen.requirements.currently_due == ["tos_acceptance.date"]
        assert seen.requirements.disabled_reason == "listed"

    def test_has_a_balance_of_its_own(self, shop: Any) -> None:
        shop.paid(card=AT_ONCE)
        account = shop.seller()

        shop.v1.transfers.create(params={"amount": 700, "currency": "usd", "destination": account.id})

        seen = shop.v1.balance.retrieve(options={"stripe_account": account.id})
        assert seen.available[0].amount == 700

    def test_of_somebody_else_is_refused(self, shop: Any) -> None:
        with pytest.raises(stripe.StripeError) as refused:
            shop.v1.balance.retrieve(options={"stripe_account": "acct_unknown"})

        problem: Any = refused.value.error
        assert (refused.value.http_status, problem.code) == (403, "account_invalid")


class TestTransfer:
    def test_moves_available_money(self, shop: Any, control: SandboxControl) -> None:
        shop.paid(card=AT_ONCE)
        account = shop.seller()

        transfer = shop.v1.transfers.create(
            params={
                "amount": 9_000,
                "currency": "usd",
                "destination": account.id,
                "transfer_group": "order-1",
                "metadata": {"payout": "p1"},
            }
        )

        balances = control.ledger()["balances"]
        assert transfer.balance_transaction.startswith("txn_")
        assert balances["platform"]["usd"]["available"] == 680
        assert balances[account.id]["usd"]["available"] == 9_000
        assert shop.v1.transfers.list(params={"transfer_group": "order-1"}).data[0].metadata["payout"] == "p1"

    def test_refuses_what_is_not_available_yet(self, shop: Any) -> None:
        shop.paid()
        account = shop.seller()

        with pytest.raises(stripe.InvalidRequestError) as refused:
            shop.v1.transfers.create(params={"amount": 1, "currency": "usd", "destination": account.id})

        assert (refused.value.code, refused.value.http_status) == ("balance_insufficient", 400)

    def test_takes_pending_money_of_its_charge(self, shop: Any, control: SandboxControl) -> None:
        charge = shop.paid().latest_charge.id
        account = shop.seller()
        params = {"amount": 6_000, "currency": "usd", "destination": account.id, "source_transaction": charge}

        shop.v1.transfers.create(params=params)

        assert control.ledger()["balances"][account.id]["usd"] == {"available": 0, "pending": 6_000}
        with pytest.raises(stripe.InvalidRequestError, match="6000 has already been transferred"):
            shop.v1.transfers.create(params=params)

    def test_refuses_an_account_without_the_capability(self, shop: Any, control: SandboxControl) -> None:
        shop.paid(card=AT_ONCE)
        account = shop.seller()
        control.set_account(account.id, capabilities={"transfers": "inactive"})

        with pytest.raises(stripe.InvalidRequestError) as refused:
            shop.v1.transfers.create(params={"amount": 1, "currency": "usd", "destination": account.id})

        assert refused.value.code == "insufficient_capabilities_for_transfer"

    @pytest.mark.parametrize(("currency", "amount"), [("bhd", 5_001), ("ugx", 250_001)])
    def test_refuses_an_amount_between_two_steps(self, shop: Any, currency: str, amount: int) -> None:
        account = shop.seller()

        with pytest.raises(stripe.InvalidRequestError) as refused:
            shop.v1.transfers.create(params={"amount": amount, "currency": currency, "destination": account.id})

        assert (refused.value.code, refused.value.param) == ("parameter_invalid_integer", "amount")

    def test_fails_as_planned_for_one_seller(self, shop: Any, control: SandboxControl) -> None:
        shop.paid(card=AT_ONCE)
        ann, bob = shop.seller(), shop.seller()
        control.plan([{"op": "transfer.create", "action": "fail", "ref": bob.id, "args": {"code": "account_closed"}}])

        shop.v1.transfers.create(params={"amount": 1, "currency": "usd", "destination": ann.id})

        with pytest.raises(stripe.InvalidRequestError) as refused:
            shop.v1.transfers.create(params={"amount": 1, "currency": "usd", "destination": bob.id})
        assert refused.value.code == "account_closed"

    def test_is_reversed_in_parts(self, shop: Any, control: SandboxControl) -> None:
        shop.paid(card=AT_ONCE)
        account = shop.seller()
        transfer = shop.v1.transfers.create(params={"amount": 900, "currency": "usd", "destination": account.id})

        shop.v1.transfers.reversals.create(transfer.id, params={"amount": 300})
        shop.v1.transfers.reversals.create(transfer.id)

        seen = shop.v1.transfers.retrieve(transfer.id)
        assert (seen.amount_reversed, seen.reversed) == (900, True)
        assert [reversal.amount for reversal in seen.reversals.data] == [600, 300]
        assert control.ledger()["balances"][account.id]["usd"]["available"] == 0
        with pytest.raises(stripe.InvalidRequestError):
            shop.v1.transfers.reversals.create(transfer.id, params={"amount": 1})


class TestPayout:
    def test_goes_its_way_in_time(self, shop: Any, control: SandboxControl) -> None:
        shop.paid(card=AT_ONCE)
        payout = shop.v1.payouts.create(params={"amount": 5_000, "currency": "usd"})

        statuses = [payout.status]
        for seconds in (3_601, 2 * DAY_S):
            control.advance(seconds)
            statuses.append(shop.v1.payouts.retrieve(payout.id).status)

        assert statuses == ["pending", "in_transit", "paid"]
        assert shop.events(type="payout.*") == ["payout.created", "payout.updated", "payout.updated", "payout.paid"]

    def test_refuses_more_than_is_available(self, shop: Any) -> None:
        shop.paid()

        with pytest.raises(stripe.InvalidRequestError) as refused:
            shop.v1.payouts.create(params={"amount": 1, "currency": "usd"})

        assert refused.value.code == "balance_insufficient"

    def test_fails_as_planned_and_returns_the_money(self, shop: Any, control: SandboxControl) -> None:
        shop.paid(card=AT_ONCE)
        control.plan([{"op": "payout.create", "action": "fail_late", "args": {"reason": "account_closed"}}])
        payout = shop.v1.payouts.create(params={"amount": 5_000, "currency": "usd"})

        control.advance(2 * DAY_S)

        failed = shop.v1.payouts.retrieve(payout.id)
        assert (failed.status, failed.failure_code) == ("failed", "account_closed")
        assert shop.v1.balance.retrieve().available[0].amount == 9_680

    def test_comes_back_days_after_it_was_paid(self, shop: Any, control: SandboxControl) -> None:
        shop.paid(card=AT_ONCE)
        control.plan([{"op": "payout.create", "action": "fail_late", "args": {"after_s": 5 * DAY_S}}])
        payout = shop.v1.payouts.create(params={"amount": 5_000, "currency": "usd"})

        control.advance(3 * DAY_S)
        paid = shop.v1.payouts.retrieve(payout.id).status
        control.advance(3 * DAY_S)

        assert (paid, shop.v1.payouts.retrieve(payout.id).status) == ("paid", "failed")

    def test_is_canceled_while_pending_only(self, shop: Any, control: SandboxControl) -> None:
        shop.paid(card=AT_ONCE)
        payout = shop.v1.payouts.create(params={"amount": 5_000, "currency": "usd"})
        other = shop.v1.payouts.create(params={"amount": 100, "currency": "usd"})

        canceled = shop.v1.payouts.cancel(payout.id)
        control.move_payout(other.id, "in_transit")

        assert canceled.status == "canceled"
        with pytest.raises(stripe.InvalidRequestError):
            shop.v1.payouts.cancel(other.id)

    def test_of_a_seller_is_made_in_the_sellers_name(self, shop: Any, control: SandboxControl) -> None:
        shop.paid(card=AT_ONCE)
        account = shop.seller()
        shop.v1.transfers.create(params={"amount": 900, "currency": "usd", "destination": account.id})

        payout = shop.v1.payouts.create(
            params={"amount": 900, "currency": "usd"}, options={"stripe_account": account.id}
        )

        control.advance(3 * DAY_S)
        seller = {"stripe_account": account.id}
        assert shop.v1.payouts.retrieve(payout.id, options=seller).status == "paid"
        with pytest.raises(stripe.InvalidRequestError):
            shop.v1.payouts.retrieve(payout.id)

    def test_is_made_daily_when_the_sellers_schedule_says_so(self, shop: Any, control: SandboxControl) -> None:
        shop.paid(card=AT_ONCE)
        account = shop.seller(settings={"payouts": {"schedule": {"interval": "daily"}}})
        shop.v1.transfers.create(params={"amount": 900, "currency": "usd", "destination": account.id})

        control.advance(2 * DAY_S)

        payout = shop.v1.payouts.list(options={"stripe_account": account.id}).data[0]
        assert (payout.amount, payout.automatic) == (900, True)

    def test_of_a_schedule_that_is_refused_is_not_tried_for_ever(self, shop: Any, control: SandboxControl) -> None:
        shop.paid(card=AT_ONCE)
        account = shop.seller(settings={"payouts": {"schedule": {"interval": "daily"}}})
        shop.v1.transfers.create(params={"amount": 900, "currency": "usd", "destination": account.id})
        control.plan([{"op": "payout.create", "action": "fail", "args": {"code": "payouts_not_allowed"}}])

        control.advance(2 * DAY_S)

        ledger = control.ledger()
        assert ledger["payouts"] == []
        assert ledger["balances"][account.id]["usd"]["available"] == 900

    def test_sweeps_everything_and_names_what_it_covers(self, shop: Any, control: SandboxControl) -> None:
        shop.paid(card=AT_ONCE)
        shop.paid(card=AT_ONCE)

        payout = control.sweep("usd")

        assert payout is not None
        covered = shop.v1.balance_transactions.list(params={"payout": payout["id"]}).data
        assert payout["amount"] == 2 * 9_680
        assert sum(txn.net for txn in covered if txn.type != "payout") == payout["amount"]
        assert control.sweep("usd") is None


class TestBalance:
    def test_settles_after_the_delay(self, shop: Any, control: SandboxControl) -> None:
        shop.paid()
        before = shop.v1.balance.retrieve()

        control.advance(2 * DAY_S)

        after = shop.v1.balance.retrieve()
        assert (before.pending[0].amount, before.available[0].amount) == (9_680, 0)
        assert (after.pending[0].amount, after.available[0].amount) == (0, 9_680)
        assert shop.v1.balance_transactions.list().data[0].status == "available"
        assert "balance.available" in shop.events()

    @pytest.mark.parametrize(
        ("currency", "amount", "fee"),
        [("usd", 10_000, 320), ("brl", 10_000, 438), ("jpy", 10_000, 360), ("usd", 50, 31), ("bhd", 10_000, 390)],
    )
    def test_takes_the_fee_of_the_currency(self, shop: Any, currency: str, amount: int, fee: int) -> None:
        txn = shop.paid(currency=currency, amount=amount).latest_charge.balance_transaction

        assert (txn.fee, txn.net) == (fee, amount - fee)
        assert [detail.amount for detail in txn.fee_details] == [fee]
