"""Losses that change hands: each event against the table of its docstring."""

from ledger import recipes
from tests.ledger.cast import euros, split
from tests.ledger_text import assert_entry


class TestLossPassedOn:
    def test_takes_from_the_sale_what_we_had_borne_under_the_disputes_item(self) -> None:
        entry = recipes.loss_passed_on(cause="re_1", item="dp_1", amount=euros(10_000), split=split())
        assert_entry(
            entry,
            """
            debit   seller:ann:pending      40.00 EUR  ord_1
            debit   seller:ann:reserved      5.00 EUR  ord_1
            debit   seller:ann:available    10.00 EUR  ord_1
            debit   seller:ann:receivable   32.70 EUR  ord_1
            debit   platform:commission     10.00 EUR  ord_1
            debit   tax:vat_pt               2.30 EUR  ord_1
            credit  losses:disputes        100.00 EUR  dp_1
            """,
        )
        assert entry.reference == "dp_1:ord_1:re_1"
