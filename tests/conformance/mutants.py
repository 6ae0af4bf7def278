"""Mutants: our own guards, each weakened in one way, and the test that must notice.

CAUGHT_BY is the table. Below it stands how each mutant is made: by SQL on the database of the tests.
"""

from typing import Any

import pytest

from tests.conformance.weakening import Weakening, source, sql, without
from tests.ledger.test_posting import captured

CAUGHT_BY = {
    # Who may write.
    "anybody writes entries": "TestOneWriter.test_refuses_an_entry_that_posting_did_not_write",
    "anybody writes lines": "TestOneWriter.test_refuses_lines_that_posting_did_not_write",
    "anybody moves a stored balance": "TestOneWriter.test_refuses_to_move_a_stored_balance",
    "anybody resolves a hold": "TestOneWriter.test_refuses_to_resolve_a_hold",
    "a partition is written to by its name": "TestOneWriter.test_refuses_lines_written_to_a_partition_by_its_name",
    "a partition is emptied": "TestOneWriter.test_refuses_to_empty_a_partition",
    # What is never changed.
    "lines are edited": "TestAppendOnly.test_refuses_every_change_to_what_is_written",
    "entries are edited": "TestAppendOnly.test_refuses_every_change_to_what_is_written",
    "lines of one partition are edited": "TestAppendOnly.test_refuses_a_change_within_a_partition",
    "a trail is emptied": "TestAppendOnly.test_refuses_to_empty_the_trail",
    "a stored balance is forgotten": "TestAppendOnly.test_refuses_to_forget_a_balance",
    "a balance changes hands": "TestGuardedBalances.test_refuses_to_make_a_balance_another_accounts",
    "a hold is forgotten": "TestAppendOnly.test_refuses_to_forget_a_balance",
    "an account becomes another": "TestCurrencies.test_refuses_to_make_an_account_another_one",
    "a closed day is opened again": "TestClosedDays.test_refuses_to_open_a_closed_day_again",
    "a day to come is closed": "TestClosedDays.test_refuses_to_close_a_day_that_is_to_come",
    # What the lines of an entry must be.
    "lines are not looked at": "TestSumToZero.test_refuses_an_entry_that_does_not_balance",
    "the sum is not looked at": "TestSumToZero.test_refuses_an_entry_that_does_not_balance",
    "the sum is one over all currencies": "TestSumToZero.test_refuses_lines_that_balance_only_across_two_currencies",
    # The short way, by which nearly every entry passes: whatever it forgets, nobody else looks at.
    "the short way forgets the sum": "TestInv01.test_what_does_not_balance_is_refused_by_the_database_itself",
    "the short way forgets the currencies": "TestInv11.test_nor_do_they_where_only_the_database_looks",
    "the short way forgets the entry": (
        "TestSumToZero.test_refuses_lines_of_two_entries_that_are_as_many_as_one_of_them_says"
    ),
    "the short way forgets the count": "TestSumToZero.test_refuses_fewer_lines_than_the_entry_says",
    "the short way forgets the positions": "TestSumToZero.test_refuses_as_many_balanced_lines_once_more",
    "the short way forgets the dates": "TestSumToZero.test_refuses_lines_that_differ_from_their_entry",
    "the short way forgets closed days": "TestClosedDays.test_refuses_an_entry_dated_into_a_closed_day",
    "the short way forgets the stored balance": (
        "TestGuardedBalances.test_refuses_a_line_that_moves_without_the_balance"
    ),
    "the short way forgets that an account comes twice": (
        "TestGuardedBalances.test_refuses_two_lines_of_an_account_that_do_not_add_up"
    ),
    "the short way forgets the accounts": "TestCurrencies.test_refuses_a_line_in_another_currency_than_its_accounts",
    "the short way takes exchanges": ("TestExchanges.test_refuses_one_without_facts_that_is_of_one_currency"),
    "the short way takes returns": "TestReturns.test_refuses_more_than_was_paid_or_to_another",
    "an exchange needs no facts": "TestExchanges.test_refuses_an_exchange_without_its_facts",
    "an exchange is not what its facts say": "TestExchanges.test_refuses_facts_that_the_lines_contradict",
    "anybody has facts of an exchange": "TestExchanges.test_refuses_facts_of_another_event",
    "facts of an exchange come later": "TestExchanges.test_refuses_facts_that_come_later",
    "anybody writes facts of an exchange": "TestExchanges.test_refuses_facts_that_posting_did_not_write",
    "an exchange converts at will": "TestExchanges.test_refuses_facts_that_contradict_themselves",
    "an exchange loses more than rounding": "TestExchanges.test_refuses_facts_that_contradict_themselves",
    "more comes back than was paid": "TestReturns.test_refuses_more_than_was_paid_or_to_another",
    "a payout comes back to anybody": "TestReturns.test_refuses_more_than_was_paid_or_to_another",
    "lines are not counted": "TestSumToZero.test_refuses_fewer_lines_than_the_entry_says",
    "positions are not looked at": "TestSumToZero.test_refuses_as_many_balanced_lines_once_more",
    "lines have dates of their own": "TestSumToZero.test_refuses_lines_that_differ_from_their_entry",
    "an entry has one line": "TestSumToZero.test_refuses_an_entry_of_one_line",
    "texts run into each other": "TestSumToZero.test_refuses_a_text_that_would_run_into_the_next_one_of_the_hash",
    "a line is zero": "TestSumToZero.test_refuses_a_line_of_zero",
    "a line is in any currency": "TestCurrencies.test_refuses_a_line_in_another_currency_than_its_accounts",
    "an account is guarded at will": "TestCurrencies.test_refuses_an_account_that_is_not_what_its_code_says",
    "an account is of any type": "TestCurrencies.test_refuses_an_account_that_is_not_what_its_code_says",
    "a balance is in any currency": "TestCurrencies.test_refuses_a_balance_in_another_currency_than_its_accounts",
    "a closed day takes lines": "TestClosedDays.test_refuses_an_entry_dated_into_a_closed_day",
    "a fact is booked before it was recorded": "TestClosedDays.test_refuses_an_entry_dated_before_it_was_recorded",
    "a line leaves its balance behind": "TestGuardedBalances.test_refuses_a_line_that_moves_without_the_balance",
    "balances of lines do not add up": "TestGuardedBalances.test_refuses_two_lines_of_an_account_that_do_not_add_up",
    "a guarded line carries no balance": "TestGuardedBalances.test_refuses_a_guarded_line_that_carries_no_balance",
    "a stored balance is negative": "TestGuardedBalances.test_refuses_a_balance_below_zero",
    "an event is written twice": "TestReferences.test_refuses_the_same_event_twice",
    "two seals follow one": "TestSeals.test_refuses_a_second_seal_after_the_same_one",
    # What posting does.
    "posting writes no lines": "TestInv08.test_counts_what_is_posted_between_a_barrier_and_its_seal",
    "a new account has no stored balance": "TestPost.test_writes_a_balanced_entry_and_moves_the_sellers_balance",
    "posting answers with the new digest": (
        "TestPost.test_refuses_other_content_under_the_same_reference_naming_the_field"
    ),
    "posting does not look for closed days": (
        "TestPost.test_books_a_late_fact_into_the_first_open_day_with_its_true_value_date"
    ),
    "posting moves no hold": "TestHolds.test_resolve_exactly_once",
    "a hold goes below zero": "TestHolds.test_resolve_exactly_once",
    "money is held under no item": "TestHolds.test_refuses_to_hold_money_under_no_item",
    "a batch moves no hold": "TestPostBatch.test_resolves_a_hold_once",
    "a batch gives all lines the last balance": "TestPostBatch.test_writes_them_all_in_the_order_given",
    # What only threads can show.
    "a repetition says that it was applied": "TestInv04.test_says_that_it_is_a_duplicate_and_writes_nothing",
    "a key is looked up and then taken": "TestInv05.test_one_of_64_submissions_of_one_key_is_applied",
    "a balance is read and then written": "TestInv06.test_500_credits_at_once_are_all_there",
    "balances are locked in any order": "TestInv07.test_400_transfers_round_a_ring_of_8_make_and_lose_nothing",
    "no balance is looked at": "TestInv09.test_10_of_20_draws_at_once_are_applied",
    "a balance is looked at and then moved": "TestInv09.test_10_of_20_draws_at_once_are_applied",
    "a day is closed over postings under way": (
        "TestInv02.test_a_closed_day_has_what_was_under_way_when_it_was_closed"
    ),
    # Seals, checkpoints, and what is read from them.
    "a seal waits for nobody": (
        "TestSealJournal.test_gives_up_on_a_transaction_that_stays_open_and_loses_nothing_of_it"
    ),
    "a seal reaches as far as the ids do": "TestInv08.test_counts_what_is_posted_between_a_barrier_and_its_seal",
    "a barrier takes its number before its ids": ("TestInv08.test_after_200_movements_at_once_with_seals_in_between"),
    "a seal takes its day from behind its barrier": (
        "TestSealJournal.test_loses_nothing_that_was_posted_after_its_barrier_into_a_day_closed_before_it"
    ),
    "a balance trusts ids alone": ("TestInv08.test_counts_once_what_began_before_a_barrier_and_drew_its_ids_after_it"),
    "a seal forgets the one before": "TestInv03.test_every_link_follows_from_the_entries_and_the_link_before",
    "a hash leaves out who did it": "TestInv03.test_every_link_follows_from_the_entries_and_the_link_before",
    "a late line stays in its day's checkpoint": "TestInv13.test_where_days_were_closed_and_facts_came_late",
    "a value date counts as the business date": "TestInv13.test_where_days_were_closed_and_facts_came_late",
}
# What the test must be given, where it takes more than the books.
GIVEN: dict[str, dict[str, Any]] = {
    "anybody resolves a hold": {"verb": "UPDATE ledger_hold SET held_minor = 0"},
    "lines are edited": {"table": "ledger_journalline", "verb": "UPDATE {table} SET currency = currency"},
    "entries are edited": {"table": "ledger_journalentry", "verb": "UPDATE {table} SET currency = currency"},
    "a trail is emptied": {"table": "operations_auditentry"},
    "a stored balance is forgotten": {"table": "ledger_balance"},
    "a balance changes hands": {"change": "sign = 1"},
    "a hold is forgotten": {"table": "ledger_hold"},
    "lines have dates of their own": {"fact": "e.value_date", "other": "e.value_date + 1"},
    "the short way forgets the dates": {"fact": "e.value_date", "other": "e.value_date + 1"},
    "money is held under no item": {"statement": "SELECT ledger_move_hold({account}, '', 100)"},
    "an account is guarded at will": {"values": "'platform:commission', 'JPY', 'income', true, false"},
    "an account is of any type": {"values": "'seller:bob:available', 'EUR', 'asset', true, false"},
    "a closed day takes lines": {"day": "2026-03-31"},
    "the short way forgets closed days": {"day": "2026-03-31"},
    "the short way takes returns": {"minor": 5_001, "seller": "ann", "item": "pay_1"},
    "an exchange is not what its facts say": {"changes": {"fee_minor": 216}},
    "an exchange converts at will": {"changes": {"rate_digits": 10_835}, "guard": "exchange_works_out"},
    "an exchange loses more than rounding": {"changes": {"settlement_minor": 10_615}, "guard": "exchange_rounding"},
    "more comes back than was paid": {"minor": 5_001, "seller": "ann", "item": "pay_1"},
    "a payout comes back to anybody": {"minor": 1, "seller": "bob", "item": "pay_1"},
    "posting answers with the new digest": {"other": captured(gross=10_001), "field": "amount in line 0"},
}
# What the test says instead of passing, where it is not that nobody refused (or somebody else did).
SAYS = {
    "posting writes no lines": "assert 0 == 2",
    "a new account has no stored balance": "it has no stored balance",
    "posting does not look for closed days": "is closed",
    "a batch gives all lines the last balance": "do not continue the balance",
    "a repetition says that it was applied": "'applied'> != <Status.DUPLICATE",
    "a key is looked up and then taken": "Status.APPLIED: 'applied'>: [0-9]+} != .*: 1}",
    "a balance is read and then written": "assert [0-9]+ == 50000",
    "balances are locked in any order": "calls broke: OperationalError.*deadlock",
    "no balance is looked at": "'applied'>: 20} != .*: 10}",
    "a balance is looked at and then moved": "'applied'>: (1[1-9]|20)} != .*: 10}",
    "a day is closed over postings under way": "over a posting under way",
    "a seal waits for nobody": r"assert \[\d+\] == \[None\]",
    "a seal reaches as far as the ids do": "assert 100 == 200",
    "a barrier takes its number before its ids": "assert [0-9]+ == [0-9]+",
    "a seal takes its day from behind its barrier": "minor: 10000 != 20000",
    "a balance trusts ids alone": "assert 300 == 200",
    "a seal forgets the one before": r"assert \[{'entries'.* == \[{'entries'",
    "a hash leaves out who did it": r"assert \[{'entries'.* == \[{'entries'",
    "a late line stays in its day's checkpoint": "1204} != .*1234}",
    # Whichever of the days is shown first.
    "a value date counts as the business date": r"\((-?1\d\d)0, (?:\1)0\)} != .*\((?:\1)0, (?:\1)4\)}",
}
REFUSED_BY_NOBODY = "DID NOT RAISE|did not match"


def unsorted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let posting lock balances in the order in which a recipe names them, slowly enough for two to meet."""
    monkeypatch.setattr("ledger.posting.sorted", list, raising=False)
    noted = "v_accounts[i] := v_account;"
    source("ledger_post", (noted, f"PERFORM pg_sleep(0.005); {noted}"))(monkeypatch)


_MOVED = "UPDATE ledger_balance AS b SET balance_minor = b.balance_minor + b.sign * NEW.amounts[i]"
_READ = (
    "SELECT b.balance_minor + b.sign * NEW.amounts[i] INTO v_balance FROM ledger_balance AS b"
    " WHERE b.code = NEW.codes[i] AND b.currency = NEW.currencies[i];"
)
_DROPPED = "PERFORM one.entry_id FROM"
_NEVER_NEGATIVE = (
    without("balance_not_negative", of="ledger_balance"),
    without("line_amount_and_balance", of="ledger_journalline"),
)
_FIRST_PARTITION = """
DO $$ BEGIN
    EXECUTE format('ALTER TABLE %s DISABLE TRIGGER append_only_rows',
                   (SELECT tableoid::regclass FROM ledger_journalline LIMIT 1));
END $$
"""
_COUNTED = (
    " OR sum(t.lines) IS DISTINCT FROM min(e.line_count)\n"
    "        OR min(t.first) <> 0 OR max(t.last) <> min(e.line_count) - 1"
)

WEAKENED: dict[str, Weakening] = {
    "anybody writes entries": sql("DROP TRIGGER guard_one_writer ON ledger_journalentry"),
    "anybody writes lines": sql("DROP TRIGGER guard_one_writer ON ledger_journalline"),
    "anybody moves a stored balance": sql("DROP TRIGGER guard_one_writer ON ledger_balance"),
    "anybody resolves a hold": sql("DROP TRIGGER guard_one_writer ON ledger_hold"),
    "a partition is written to by its name": sql("DROP TRIGGER guard_partition_insert ON ledger_journalline_default"),
    "a partition is emptied": sql("DROP TRIGGER guard_partition_truncate ON ledger_journalline_default"),
    "lines are edited": sql("DROP TRIGGER append_only_rows ON ledger_journalline"),
    "entries are edited": sql("DROP TRIGGER append_only_rows ON ledger_journalentry"),
    "lines of one partition are edited": sql(_FIRST_PARTITION),
    "a trail is emptied": sql("DROP TRIGGER append_only_table ON operations_auditentry"),
    "a stored balance is forgotten": sql("DROP TRIGGER guard_balance_stays ON ledger_balance"),
    "a balance changes hands": sql("DROP TRIGGER guard_balance_owner ON ledger_balance"),
    "a hold is forgotten": sql("DROP TRIGGER guard_hold_stays ON ledger_hold"),
    "an account becomes another": sql("DROP TRIGGER guard_account_stays ON ledger_account"),
    "a closed day is opened again": sql("DROP TRIGGER append_only_rows ON ledger_closedday"),
    "a day to come is closed": sql("DROP TRIGGER guard_closed_day ON ledger_closedday"),
    "lines are not looked at": sql("DROP TRIGGER guard_lines ON ledger_journalline"),
    "the sum is not looked at": source("guard_lines", ("HAVING bool_or(t.total <> 0) OR", "HAVING")),
    "the sum is one over all currencies": source(
        "guard_lines", ("GROUP BY l.entry_id, l.currency) AS t", "GROUP BY l.entry_id) AS t")
    ),
    "the short way forgets the sum": source("guard_lines", ("sum(l.amount_minor) = 0 AND ", "")),
    "the short way forgets the currencies": source("guard_lines", (" AND min(l.currency) = max(l.currency)", "")),
    "the short way forgets the entry": source(
        "guard_lines",
        ("l.entry_id = (SELECT max(entry_id) FROM new_lines) AND ", ""),
        ("l.entry_id = e.id AND ", ""),
    ),
    "the short way forgets the count": source("guard_lines", (" AND e.line_count = v_lines", "")),
    "the short way forgets the positions": source("guard_lines", (" AND l.position < e.line_count", "")),
    "the short way forgets the dates": source("guard_lines", (" AND l.value_date = e.value_date", "")),
    "the short way forgets closed days": source(
        "guard_lines",
        ("WHERE c.business_date >= e.business_date", "WHERE false"),
    ),
    "the short way forgets the stored balance": source(
        "guard_lines", (" AND b.balance_minor IS NOT DISTINCT FROM l.balance_after_minor", "")
    ),
    "the short way forgets that an account comes twice": source(
        "guard_lines", ("count(DISTINCT l.account_id) FILTER", "count(l.account_id) FILTER")
    ),
    "the short way forgets the accounts": source("guard_lines", ("v_well AND v_stored < v_lines", "false")),
    "the short way takes exchanges": source(
        "guard_lines",
        ("\n              'currency_exchanged', 'currency_exchanged_back', 'payout_returned')", "'payout_returned')"),
    ),
    "the short way takes returns": source(
        "guard_lines",
        (
            "\n              'currency_exchanged', 'currency_exchanged_back', 'payout_returned')",
            "'currency_exchanged', 'currency_exchanged_back')",
        ),
    ),
    "an exchange needs no facts": source(
        "guard_lines", ("PERFORM ledger_require_exchange(one.entry_id) FROM", _DROPPED)
    ),
    "an exchange is not what its facts say": source(
        "ledger_require_exchange", (" AND COALESCE(booked.fee, 0) = x.fee_minor", "")
    ),
    "anybody has facts of an exchange": source(
        "guard_exchange", (" AND e.recipe IN ('currency_exchanged', 'currency_exchanged_back')", "")
    ),
    "facts of an exchange come later": source("guard_exchange", ("WHERE l.entry_id = NEW.entry_id", "WHERE false")),
    "anybody writes facts of an exchange": sql("DROP TRIGGER guard_one_writer ON ledger_exchange"),
    "an exchange converts at will": sql(without("exchange_works_out", of="ledger_exchange")),
    "an exchange loses more than rounding": sql(without("exchange_rounding", of="ledger_exchange")),
    "more comes back than was paid": source(
        "ledger_require_paid", ("COALESCE(payout.paid, 0) < payout.returned OR ", "")
    ),
    "a payout comes back to anybody": source("ledger_require_paid", (" OR payout.reserved IS NOT TRUE", "")),
    "lines are not counted": source("guard_lines", (_COUNTED, "")),
    "positions are not looked at": source(
        "guard_lines", ("OR min(t.first) <> 0 OR max(t.last) <> min(e.line_count) - 1", "")
    ),
    "lines have dates of their own": source(
        "guard_lines",
        (
            "bool_and(t.agree AND t.txid = e.txid AND t.recorded_at = e.recorded_at\n"
            "                    AND t.business_date = e.business_date AND t.value_date = e.value_date) IS NOT TRUE",
            "false",
        ),
    ),
    "an entry has one line": sql(without("entry_has_two_lines", of="ledger_journalentry")),
    "texts run into each other": sql(without("entry_texts_are_apart", of="ledger_journalentry")),
    "a line is zero": sql(without("line_amount_and_balance", of="ledger_journalline")),
    "a line is in any currency": source("guard_lines", ("WHERE c.foreign OR", "WHERE")),
    "an account is guarded at will": sql(without("account_guarded_by_code", of="ledger_account")),
    "an account is of any type": sql(without("account_type_by_code", of="ledger_account")),
    "a balance is in any currency": sql(without("balance_currency_is_accounts", of="ledger_balance")),
    "a closed day takes lines": source(
        "guard_lines",
        (
            "WHERE EXISTS (SELECT 1 FROM ledger_closedday AS c WHERE c.business_date >= l.business_date) LIMIT 1",
            "WHERE false LIMIT 1",
        ),
    ),
    "a fact is booked before it was recorded": sql(without("entry_not_before_recorded", of="ledger_journalentry")),
    "a line leaves its balance behind": source("guard_lines", (" OR c.last AND c.after <> c.stored", "")),
    "balances of lines do not add up": source("guard_lines", (" OR c.should <> c.after", "")),
    "a guarded line carries no balance": source("guard_lines", (" OR (c.stored IS NULL) <> (c.after IS NULL)", "")),
    "a stored balance is negative": sql(without("balance_not_negative", of="ledger_balance")),
    "an event is written twice": sql(without("entry_unique_recipe_reference", of="ledger_journalentry")),
    "two seals follow one": sql(without("seal_chain_does_not_fork", of="ledger_seal")),
    "posting writes no lines": source("ledger_post", ("NEW.items, v_after) AS l", "NEW.items, v_after) AS l LIMIT 0")),
    "a new account has no stored balance": sql("DROP TRIGGER store_balance ON ledger_account"),
    "posting answers with the new digest": source("ledger_post", ("e.id, false, e.digest", "e.id, false, NEW.digest")),
    "posting does not look for closed days": source(
        "ledger_post",
        ("(SELECT max(business_date) + 1 FROM ledger_closedday)", "NEW.business_date"),
    ),
    "posting moves no hold": source(
        "ledger_post", ("PERFORM ledger_move_hold(v_account, NEW.items[i], v_step)", "NULL")
    ),
    "a hold goes below zero": sql(without("hold_not_negative", of="ledger_hold")),
    "money is held under no item": sql(without("hold_has_an_item", of="ledger_hold")),
    "a batch moves no hold": source(
        "ledger_move_holds", ("PERFORM ledger_move_hold(v_hold.id, v_hold.item, v_hold.step)", "NULL")
    ),
    "a batch gives all lines the last balance": source(
        "ledger_post_batch",
        ("OVER (PARTITION BY l.account_id ORDER BY l.n)", "OVER (PARTITION BY l.account_id)"),
    ),
    "a repetition says that it was applied": source("ledger_post", ("e.id, false, e.digest", "e.id, true, e.digest")),
    "a key is looked up and then taken": source(
        "ledger_post",
        ("VALUES (NEW.recipe,", "SELECT NEW.recipe,"),
        (
            "v_txid)\n    ON CONFLICT (recipe, reference) DO NOTHING",
            "v_txid FROM pg_sleep(0.01)\n    WHERE NOT EXISTS (SELECT 1 FROM ledger_journalentry AS x"
            " WHERE x.recipe = NEW.recipe AND x.reference = NEW.reference)",
        ),
        also=(without("entry_unique_recipe_reference", of="ledger_journalentry"),),
    ),
    "a balance is read and then written": source(
        "ledger_post", (_MOVED, f"{_READ} UPDATE ledger_balance AS b SET balance_minor = v_balance")
    ),
    "balances are locked in any order": unsorted,
    "no balance is looked at": sql(*_NEVER_NEGATIVE),
    "a balance is looked at and then moved": source(
        "ledger_post",
        (
            _MOVED,
            f"{_READ} IF v_balance < 0 THEN RAISE EXCEPTION 'overdrawn' USING ERRCODE = 'check_violation',"
            f" CONSTRAINT = 'balance_not_negative'; END IF; PERFORM pg_sleep(0.01); {_MOVED}",
        ),
        also=_NEVER_NEGATIVE,
    ),
    "a day is closed over postings under way": source(
        "ledger_close_day", ("LOCK TABLE ledger_journalentry IN SHARE ROW EXCLUSIVE MODE;", "")
    ),
    "a seal waits for nobody": source("ledger_seal", ("WHILE ledger_is_under_way(v_barrier.number)", "WHILE false")),
    "a seal reaches as far as the ids do": source(
        "ledger_seal",
        (
            "v_txid, v_barrier.entry_floor, v_barrier.line_floor",
            "v_txid, (SELECT max(id) FROM ledger_journalentry), (SELECT max(id) FROM ledger_journalline)",
        ),
    ),
    "a barrier takes its number before its ids": source(
        "ledger_put_barrier",
        (
            "SELECT last_value INTO v_entry_floor",
            "PERFORM pg_current_xact_id(); PERFORM pg_sleep(0.02); SELECT last_value INTO v_entry_floor",
        ),
    ),
    "a seal takes its day from behind its barrier": source(
        "ledger_seal", ("v_barrier.date_floor", "(SELECT max(business_date) + 1 FROM ledger_closedday)")
    ),
    "a balance trusts ids alone": source(
        "ledger_debits", ("AND l.id > %3$s AND l.txid >= %4$s", "AND l.id > %3$s AND %4$s >= 0")
    ),
    "a seal forgets the one before": source("ledger_hash_of", ("sha256(p_previous || COALESCE(", "sha256(COALESCE(")),
    "a hash leaves out who did it": source("ledger_entry_hash", ("e.actor, ", "")),
    "a late line stays in its day's checkpoint": source(
        "ledger_add_to_checkpoints", ("AND c.day >= touched.first", "AND false")
    ),
    "a value date counts as the business date": source(
        "ledger_add_to_checkpoints", ("SELECT account_id, value_date, 0", "SELECT account_id, business_date, 0")
    ),
}
