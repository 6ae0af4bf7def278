"""The recipe book as a whole: closed, balanced, and each docstring is the table by which its event is booked."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from ledger import recipes
from ledger.chart import CHART, Template, UnknownAccount, template_of
from ledger.entries import Entry, credit, debit, remainders
from ledger.handbook import page_of
from ledger.money import Money
from tests.ledger.cast import NOON, bobs_split, dollars, euros, sale, split

PSP = "stripe"
LINES = (debit("losses:write_off", euros(5)), credit("bank:main", euros(5)))
RATE = recipes.RateSnapshot(base="EUR", quote="USD", rate=Decimal("1.0834"), source=PSP, at=NOON)

Booked = Callable[[Money], Entry]
# Events of one amount, each booked with it: what they must refuse is the same for all.
OF_ONE_AMOUNT: dict[str, list[Booked]] = {
    "provider_fee_charged": [
        lambda money: recipes.provider_fee_charged(psp=PSP, balance_transaction="txn_1", source="ch_1", fee=money)
    ],
    "provider_fee_estimated": [lambda money: recipes.provider_fee_estimated(psp=PSP, charge="ch_1", fee=money)],
    "funds_released": [lambda money: recipes.funds_released(seller="ann", order="ord_1", amount=money)],
    "reserve_released": [lambda money: recipes.reserve_released(seller="ann", order="ord_1", amount=money)],
    "dispute_opened": [lambda money: recipes.dispute_opened(psp=PSP, dispute="dp_1", amount=money)],
    "dispute_fee_charged": [
        lambda money: recipes.dispute_fee_charged(psp=PSP, dispute="dp_1", fee=money),
        lambda money: recipes.dispute_fee_charged(psp=PSP, dispute="dp_1", fee=money, bearer="ann"),
    ],
    "dispute_fee_returned": [
        lambda money: recipes.dispute_fee_returned(psp=PSP, dispute="dp_1", movement="txn_1", fee=money),
        lambda money: recipes.dispute_fee_returned(
            psp=PSP, dispute="dp_1", movement="txn_1", fee=money, bearer="ann", owed=money
        ),
        lambda money: recipes.dispute_fee_returned(psp=PSP, dispute="dp_1", movement="txn_1", fee=money, bearer="ann"),
    ],
    "dispute_won": [lambda money: recipes.dispute_won(psp=PSP, dispute="dp_1", amount=money)],
    "debt_netted": [
        lambda money: recipes.debt_netted(seller="ann", netting="net_1", amount=money, parts=[("ord_1", money)])
    ],
    "debt_written_off": [
        lambda money: recipes.debt_written_off(seller="ann", write_off="wo_1", item="ord_1", amount=money)
    ],
    "payout_reserved": [lambda money: recipes.payout_reserved(seller="ann", payout="po_1", amount=money)],
    "payout_rest_carried": [lambda money: recipes.payout_rest_carried(seller="ann", payout="po_1", amount=money)],
    "payout_paid": [
        lambda money: recipes.payout_paid(psp=PSP, payout="po_1", transfer="tr_1", amount=money),
        lambda money: recipes.payout_paid(source="bank:main", payout="po_1", transfer="tr_1", amount=money),
    ],
    "payout_not_paid": [lambda money: recipes.payout_not_paid(seller="ann", payout="po_1", amount=money)],
    "payout_returned": [
        lambda money: recipes.payout_returned(psp=PSP, seller="ann", payout="po_1", reversal="trr_1", amount=money),
        lambda money: recipes.payout_returned(
            source="bank:main", seller="ann", payout="po_1", reversal="trr_1", amount=money
        ),
    ],
    "deposit_sent": [lambda money: recipes.deposit_sent(psp=PSP, payout="po_9", amount=money)],
    "deposit_arrived": [
        lambda money: recipes.deposit_arrived(psp=PSP, bank_account="main", payout="po_9", amount=money),
        lambda money: recipes.deposit_arrived(psp=PSP, bank_account="main", payout="po_9", amount=money, was_sent=True),
    ],
    "deposit_failed": [lambda money: recipes.deposit_failed(psp=PSP, payout="po_9", amount=money)],
    "unidentified_received": [
        lambda money: recipes.unidentified_received(psp=PSP, reference="ch_x", amount=money),
        lambda money: recipes.unidentified_received(account="bank:main", reference="ch_x", amount=money),
    ],
    "unidentified_identified": [
        lambda money: recipes.unidentified_identified(reference="ch_x", account="seller:ann:pending", amount=money)
    ],
    "unidentified_returned": [
        lambda money: recipes.unidentified_returned(psp=PSP, reference="ch_x", returned="re_x", amount=money),
        lambda money: recipes.unidentified_returned(
            account="bank:main", reference="ch_x", returned="re_x", amount=money
        ),
    ],
}
# Every event, booked so that each line of its table is used by one sample or another.
SAMPLES: dict[str, list[Entry]] = {
    **{name: [book(euros(700)) for book in ways] for name, ways in OF_ONE_AMOUNT.items()},
    "payment_captured": [recipes.payment_captured(psp=PSP, charge="ch_1", sales=[sale(), sale(seller="bob")])],
    "cash_sale_reported": [recipes.cash_sale_reported(sale=sale())],
    "cash_sale_canceled": [recipes.cash_sale_canceled(sale=sale(), netted=euros(300))],
    "provider_fee_trued_up": [
        recipes.provider_fee_trued_up(
            psp=PSP, balance_transaction="txn_1", charge="ch_1", estimated=euros(320), charged=euros(345)
        )
    ],
    "funds_released": [
        recipes.funds_released(seller="ann", order="ord_1", amount=euros(900), to_reserve=euros(90)),
    ],
    "refund_succeeded": [
        recipes.refund_succeeded(psp=PSP, refund="re_1", amount=euros(10_100), split=split(), platform_loss=euros(100))
    ],
    "refund_failed_late": [
        recipes.refund_failed_late(
            psp=PSP, refund="re_1", amount=euros(10_100), split=split(), platform_loss=euros(100)
        )
    ],
    "dispute_lost": [
        recipes.dispute_lost(
            dispute="dp_1", amount=euros(12_100), splits=[split(), bobs_split(2_050)], platform_loss=euros(50)
        )
    ],
    "loss_passed_on": [recipes.loss_passed_on(cause="re_1", item="dp_1", amount=euros(10_000), split=split())],
    "dispute_recovered": [
        recipes.dispute_recovered(
            psp=PSP,
            dispute="dp_1",
            movement="txn_1",
            amount=euros(12_100),
            splits=[split(), bobs_split(2_050)],
            platform_loss=euros(50),
        )
    ],
    "rounding_booked": [recipes.rounding_booked(reference="rnd_1", account="bank:main", lost=euros(1))],
    "currency_exchanged": [
        recipes.currency_exchanged(
            psp=PSP, exchange="fx_1", sold=euros(10_000), bought=dollars(10_800), fee=dollars(33), rate=RATE
        )
    ],
    "currency_exchanged_back": [
        recipes.currency_exchanged_back(
            psp=PSP, exchange="txn_2", presented=euros(4_000), taken=dollars(4_335), source="re_1", rate=RATE
        )
    ],
    "manual_journal": [recipes.manual_journal(journal="mj_1", lines=LINES, description="why")],
    "entry_reversed": [recipes.entry_reversed(entry_id=1, lines=LINES, description="why")],
}
# What stands in a table where the account is an argument.
ANY_ACCOUNT = {
    "any account of the chart",
    "each account credited there",
    "each account debited there",
    "the account where it belongs",
    "the account that is over",
}


class TestTheBook:
    def test_has_a_sample_of_every_event(self) -> None:
        assert set(SAMPLES) == set(recipes.RECIPES)

    @pytest.mark.parametrize("name", recipes.RECIPES)
    def test_balances_every_event_in_each_currency(self, name: str) -> None:
        for entry in SAMPLES[name]:
            assert entry.recipe == name
            assert entry.reference
            assert len(entry.lines) >= 2
            assert remainders(entry.lines) == {}

    @pytest.mark.parametrize("name", recipes.RECIPES)
    def test_books_every_event_by_the_table_of_its_docstring(self, name: str) -> None:
        table = {(row.side, row.account) for row in page_of(recipes.RECIPES[name]).table}
        open_sides = {side: account for side, account in table if account in ANY_ACCOUNT}

        booked = {
            (side, open_sides.get(side, template_of(line.account).pattern))
            for entry in SAMPLES[name]
            for line in entry.lines
            for side in ["Dr" if line.amount.minor > 0 else "Cr"]
        }

        assert booked == table

    def test_names_no_account_that_is_not_of_the_chart(self) -> None:
        named = {row.account for recipe in recipes.RECIPES.values() for row in page_of(recipe).table}

        assert named - ANY_ACCOUNT <= {template.pattern for template in CHART}

    def test_uses_every_account_of_the_chart_but_the_opening_one(self) -> None:
        named = {row.account for recipe in recipes.RECIPES.values() for row in page_of(recipe).table}

        assert {template.pattern for template in CHART} - named == {"equity:opening"}

    def test_says_of_every_event_what_it_records(self) -> None:
        for recipe in recipes.RECIPES.values():
            assert page_of(recipe).sentences[0].startswith("Record ")


class TestAnAmount:
    @pytest.mark.parametrize("minor", [0, -1])
    @pytest.mark.parametrize("name", OF_ONE_AMOUNT)
    def test_of_nothing_or_less_is_refused_by_every_event(self, name: str, minor: int) -> None:
        for book in OF_ONE_AMOUNT[name]:
            with pytest.raises(recipes.AmountNotPositive, match=rf"^{name} \w+: .* must be more than zero, not -?0\.0"):
                book(euros(minor))


class TestAReference:
    @pytest.mark.parametrize(
        "book",
        [
            lambda: recipes.payment_captured(psp=PSP, charge="", sales=[sale()]),
            lambda: recipes.dispute_opened(psp=PSP, dispute="", amount=euros(1), dispute_round=2),
            lambda: recipes.unidentified_identified(reference="", account="bank:main", amount=euros(1), part=2),
            lambda: recipes.manual_journal(journal="", lines=LINES, description="why"),
        ],
    )
    def test_must_be_there_because_by_it_an_event_counts_once(self, book: Callable[[], Entry]) -> None:
        with pytest.raises(recipes.BadArgument, match="reference must not be empty"):
            book()


class TestAnItem:
    @pytest.mark.parametrize("account", [template.pattern for template in CHART if template.held])
    def test_must_be_there_where_money_is_held_under_it(self, account: str) -> None:
        lines = (debit("bank:main", euros(5)), credit(account, euros(5)))

        with pytest.raises(recipes.BadArgument, match=f"mj_1: item must be said on {account}"):
            recipes.manual_journal(journal="mj_1", lines=lines, description="why")

    def test_must_be_there_where_a_receipt_turns_out_to_be_held(self) -> None:
        with pytest.raises(recipes.BadArgument, match=r"ch_x: item must be said on disputes:open"):
            recipes.unidentified_identified(reference="ch_x", account="disputes:open", amount=euros(5))

    def test_must_be_there_where_an_entry_is_reversed(self) -> None:
        lines = (debit("payouts:in_transit", euros(5)), credit("bank:main", euros(5)))

        with pytest.raises(recipes.BadArgument, match=r"entry:1: item must be said on payouts:in_transit"):
            recipes.entry_reversed(entry_id=1, lines=lines, description="why")


class TestAnAccount:
    @pytest.mark.parametrize("template", CHART, ids=[template.pattern for template in CHART])
    def test_is_made_from_exactly_one_template(self, template: Template) -> None:
        code = template.pattern.replace("{", "").replace("}", "")

        assert [found for found in CHART if found.matches(code)] == [template]
        assert template_of(code) is template

    @pytest.mark.parametrize(
        "code",
        ["", "petty:cash", "psp::clearing", "psp:a:b:clearing", "psp:a:clearing\n", "tax:", "tax:ä", "xrounding"],
    )
    def test_of_no_template_is_refused_every_time(self, code: str) -> None:
        for _ in range(2):
            with pytest.raises(UnknownAccount):
                template_of(code)
