"""Seals: final entries are hashed onto a chain and summed into checkpoints; proofs go on from them."""

import json
from functools import partial
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from ledger.models import Checkpoint, Seal
from ledger.selectors import balance
from ledger.services import export_head, lock_day, post, seal_journal, verify_books
from operations import database
from operations.edges import money_tx
from tests.committed import at_once
from tests.ledger.test_posting import book, captured, euros, released, reserved
from tests.ledger.test_proof import TAMPERED, prove, tamper

pytestmark = pytest.mark.usefixtures("committed_db")

# Without two. A line whose entry is gone is found by the nightly proof of everything, because what is new is found
# by its entries; and a currency can only be changed without a constraint, which committed books would not get back.
TAMPERED_WITH_WHAT_IS_NEW = [
    (statement, proof)
    for statement, proof in TAMPERED
    if not statement.startswith("DELETE FROM ledger_journalentry") and proof != "prove_currencies"
]


class TestSealJournal:
    def test_seals_nothing_in_empty_books(self) -> None:
        assert seal_journal(now=timezone.now()) is None
        assert Seal.objects.count() == 0

    def test_continues_the_chain_with_what_is_new(self) -> None:
        book(captured("ch_1"))
        first = seal_journal(now=timezone.now())
        book(captured("ch_2"))
        book(captured("ch_3"))
        second = seal_journal(now=timezone.now())

        assert seal_journal(now=timezone.now()) is None
        one, two = Seal.objects.order_by("pk")
        assert [(one.pk, one.entries), (two.pk, two.entries)] == [(first, 1), (second, 2)]
        assert bytes(two.previous_hash) == bytes(one.hash)
        assert bytes(one.previous_hash) == bytes(32)

    def test_gives_up_on_a_transaction_that_stays_open_and_loses_nothing_of_it(self) -> None:
        book(captured("ch_before"))

        with money_tx("test"):
            # Its number is taken, and ids may be drawn, but nothing can be seen of it yet.
            post(captured("ch_open"), actor="system:test", now=timezone.now())
            assert at_once([partial(seal_journal, now=timezone.now())]) == [None]
        book(captured("ch_after"))
        seal_journal(now=timezone.now())

        assert [seal.entries for seal in Seal.objects.all()] == [3]
        assert prove() == set()

    def test_loses_nothing_that_was_posted_after_its_barrier_into_a_day_closed_before_it(self) -> None:
        now, sql = timezone.now(), database.queries("ledger")
        book(captured("ch_before"))
        with money_tx("test"):
            database.execute(sql["put_barrier"])
        # Meanwhile the seal waits for a transaction that stays open.
        book(captured("ch_between"))
        with money_tx("test"):
            lock_day(business_date=now.date(), actor="user:oscar", now=now)
        with money_tx("test"):
            assert database.fetch_one(sql["seal"], {"now": now, "patience_s": 1})["seal_id"]

        assert balance(code="psp:stripe:clearing", currency="EUR") == euros(20_000)
        book(captured("ch_after"))
        seal_journal(now=now)
        assert balance(code="psp:stripe:clearing", currency="EUR") == euros(30_000)
        assert prove() == set()

    def test_sums_what_is_sealed_by_account_and_day(self) -> None:
        book(captured("ch_1"))
        book(captured("ch_2"))
        seal_journal(now=timezone.now())
        book(captured("ch_3"))

        checkpoint = Checkpoint.objects.get(account__code="psp:stripe:clearing")
        assert (checkpoint.day, checkpoint.debit_minor) == (timezone.now().date(), 20_000)

    def test_refuses_when_transaction_numbers_begin_again_until_they_are_rebased(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        book(captured("ch_1"))
        seal_journal(now=timezone.now())
        # As after a restore into a new cluster: what is sealed was numbered far above what comes now.
        tamper("UPDATE ledger_seal SET txid = txid + 1000000000")
        tamper("UPDATE ledger_journalentry SET txid = txid + 999999999")

        with pytest.raises(Exception, match="run the command ledger_rebase"):
            seal_journal(now=timezone.now())
        call_command("ledger_rebase")

        assert "moved from 0 to" in capsys.readouterr().out
        book(captured("ch_2"))
        assert seal_journal(now=timezone.now()) is not None
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE OR REPLACE FUNCTION ledger_txid_offset() RETURNS bigint LANGUAGE sql STABLE AS"
                " 'SELECT 0::bigint'"
            )


class TestVerifyBooksOverSeals:
    @pytest.fixture(autouse=True)
    def sealed_books(self, committed_db: None) -> None:
        for number in range(3):
            book(captured(f"ch_{number}"))
        seal_journal(now=timezone.now())

    def test_proves_only_what_is_new(self) -> None:
        verify_books(actor="system:test", now=timezone.now())
        book(captured("ch_new"))

        verdict = verify_books(actor="system:test", now=timezone.now(), full=False)

        assert verdict.green
        assert verdict.entries == 1
        assert not verdict.full

    @pytest.mark.parametrize(("statement", "proof"), TAMPERED_WITH_WHAT_IS_NEW)
    def test_finds_in_what_is_new_what_somebody_tampered_with(self, statement: str, proof: str) -> None:
        assert prove() == set()
        for entry in (captured("ch_new"), released(), reserved()):
            book(entry)
        tamper(statement)

        verdict = verify_books(actor="system:test", now=timezone.now(), full=False)

        assert not verdict.full
        assert proof in {finding.proof for finding in verdict.findings}

    def test_proves_everything_again_after_a_red_verdict(self) -> None:
        tamper("UPDATE ledger_balance SET balance_minor = balance_minor + 1")
        verify_books(actor="system:test", now=timezone.now())

        assert prove(full=False) == {"prove_balances"}

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE ledger_journalentry SET actor = 'user:somebody' WHERE reference = 'ch_1'",
            "UPDATE ledger_journalentry SET subject = 'checkout:chk_2' WHERE reference = 'ch_1'",
            "UPDATE ledger_journalentry SET txid = txid + 100000 WHERE reference = 'ch_1'",
            "UPDATE ledger_seal SET hash = previous_hash",
            "UPDATE ledger_seal SET entries = 2",
        ],
    )
    def test_is_red_when_what_is_sealed_has_changed(self, statement: str) -> None:
        tamper(statement)

        assert "prove_seals" in prove()

    def test_is_red_when_a_checkpoint_is_not_the_sum_of_its_lines(self) -> None:
        tamper("UPDATE ledger_checkpoint SET debit_minor = debit_minor + 1")

        assert prove() == {"prove_balances", "prove_checkpoints", "prove_value_dates", "prove_trial_balance"}

    def test_compares_the_chain_with_its_exported_heads(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        heads = tmp_path / "heads.jsonl"
        export_head(path=heads)
        book(captured("ch_more"))
        seal_journal(now=timezone.now())
        export_head(path=heads)

        call_command("verify_books", json=True, heads=heads)
        assert json.loads(capsys.readouterr().out)["proved"] is True

        # Whoever owns the database can rewrite the whole chain; not what was exported.
        tamper("DELETE FROM ledger_proof; DELETE FROM ledger_seal; DELETE FROM ledger_checkpoint")
        with pytest.raises(SystemExit):
            call_command("verify_books", json=True, heads=heads)
        found = json.loads(capsys.readouterr().out)["findings"]
        assert {finding["proof"] for finding in found} == {"prove_head"}
