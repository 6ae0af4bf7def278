"""Raw SQL against the guards of money out: PostgreSQL refuses what no program may do."""

import pytest

from payouts.models import Batch, Payout
from tests.payouts.steps import attack
from tests.world import World

pytestmark = pytest.mark.django_db


class TestPayoutItems:
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE payouts_payoutitem SET amount_minor = amount_minor + 1",
            "DELETE FROM payouts_payoutitem",
            "TRUNCATE payouts_payoutitem",
        ],
    )
    def test_are_never_changed(self, batch: Batch, statement: str) -> None:
        attack(statement, match="is refused")

    def test_settle_a_line_once(self, batch: Batch) -> None:
        attack(
            "INSERT INTO payouts_payoutitem (payout_id, line_id, order_id, recipe, amount_minor, currency)"
            " SELECT payout_id, line_id, order_id, recipe, amount_minor, currency FROM payouts_payoutitem",
            match="line_id",
        )


class TestPayouts:
    @pytest.mark.parametrize(
        "change",
        [
            "amount_minor = 1",
            "currency = 'USD'",
            "destination = 'acct_thief'",
            "seller_id = 'sel_thief'",
            "psp_key = 'another'",
            "params = '{}'",
        ],
    )
    def test_are_sent_as_they_were_approved(self, payout: Payout, change: str) -> None:
        attack(f"UPDATE payouts_payout SET {change}", match="is fixed")

    @pytest.mark.parametrize("state", ["draft", "sent", "paid", "failed", "returned", "unknown"])
    def test_skip_no_state(self, payout: Payout, state: str) -> None:
        attack(f"UPDATE payouts_payout SET state = '{state}'", match=f"cannot move from approved to {state}")

    @pytest.mark.parametrize("state", ["draft", "approved", "sending", "sent", "failed", "canceled", "unknown"])
    def test_do_not_come_back_from_paid(self, world: World, payout: Payout, state: str) -> None:
        world.settle()

        attack(f"UPDATE payouts_payout SET state = '{state}'", match=f"cannot move from paid to {state}")

    def test_keep_the_transfer_that_they_were_paid_by(self, world: World, payout: Payout) -> None:
        world.settle()

        attack("UPDATE payouts_payout SET psp_ref = 'tr_another'", match="is fixed")
        attack("UPDATE payouts_payout SET psp_ref = NULL", match="is fixed")

    def test_begin_as_drafts_of_more_than_nothing(self, batch: Batch) -> None:
        row = (
            "INSERT INTO payouts_payout (id, batch_id, seller_id, seller_name, amount_minor, currency, destination,"
            " psp_key, params, state, last_error) SELECT 'pay_x', batch_id, 'sel_x', '', {amount}, currency,"
            " destination, 'key_x', params, '{state}', '' FROM payouts_payout"
        )

        attack(row.format(amount=100, state="approved"), match="cannot begin in state approved")
        attack(row.format(amount=0, state="draft"), match="payout_amount_positive")
        attack(row.format(amount=-5, state="draft"), match="payout_amount_positive")

    def test_are_one_for_each_seller_of_a_batch(self, batch: Batch) -> None:
        attack(
            "INSERT INTO payouts_payout (id, batch_id, seller_id, seller_name, amount_minor, currency, destination,"
            " psp_key, params, state, last_error) SELECT 'pay_x', batch_id, seller_id, '', 1, currency,"
            " destination, 'key_x', params, 'draft', '' FROM payouts_payout",
            match="payout_one_per_seller_and_batch",
        )


class TestBatches:
    def test_are_not_completed_before_they_were_approved(self, batch: Batch) -> None:
        attack(
            "UPDATE payouts_batch SET state = 'completed', decided_by = 'user:anna'",
            match="cannot move from proposed to completed",
        )

    @pytest.mark.parametrize(
        "change",
        [
            "proposed_by = 'user:somebody'",
            "decided_by = 'user:somebody'",
            "decided_by = NULL, state = 'approved'",
            "total_minor = 1",
            "currency = 'USD'",
        ],
    )
    def test_keep_who_decided_what(self, payout: Payout, change: str) -> None:
        attack(f"UPDATE payouts_batch SET {change}", match="is fixed|decided_by_somebody")
