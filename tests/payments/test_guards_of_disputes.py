"""What PostgreSQL refuses to have changed about a dispute, whoever asks."""

import pytest

from payments.models import Seller
from tests.database.attacks import attack
from tests.payments.dispute_steps import decide, hand_in, open_dispute
from tests.world import World


class TestTheGuardsOfDisputes:
    @pytest.mark.parametrize(
        ("statement", "match"),
        [
            ("UPDATE payments_dispute SET amount_minor = 1", "is fixed"),
            ("UPDATE payments_dispute SET psp_ref = 'du_other'", "is fixed"),
            ("UPDATE payments_dispute SET withdrawals = 0", "is fixed"),
            ("UPDATE payments_dispute SET state = 'recorded'", "cannot move"),
            ("DELETE FROM payments_dispute", "refused"),
            ("UPDATE payments_disputeshare SET borne_by = 'platform'", "refused"),
            ("DELETE FROM payments_disputeshare", "refused"),
            ("UPDATE payments_disputeevidence SET params = '{}'", "is frozen"),
            ("UPDATE payments_disputeevidence SET state = 'accepted'", "cannot move"),
            ("DELETE FROM payments_disputeevidence", "refused"),
        ],
    )
    def test_refuse_to_change_what_happened(self, world: World, sold: Seller, statement: str, match: str) -> None:
        hand_in(world, open_dispute(world))

        attack(statement, match=match)

    def test_refuse_to_open_a_won_dispute_without_a_new_withdrawal(self, world: World, sold: Seller) -> None:
        decide(world, open_dispute(world), won=True)

        attack("UPDATE payments_dispute SET state = 'needs_response'", match="cannot be open again")
