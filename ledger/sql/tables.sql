-- The lines of the journal, partitioned by month of their business date. Entries stay in one table, because
-- PostgreSQL can keep (recipe, reference) unique only there.

-- The number of the writing transaction. Ids do not commit in order; transaction numbers tell what a snapshot
-- has seen for good. The offset is zero until a dump is restored into a cluster whose numbers begin again. STABLE,
-- because a plan forgets which IMMUTABLE function it folded, and would keep an old offset.
CREATE FUNCTION ledger_txid_offset() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT 0::bigint';
CREATE FUNCTION ledger_txid() RETURNS bigint LANGUAGE sql VOLATILE
    AS 'SELECT pg_current_xact_id()::text::bigint + ledger_txid_offset()';

-- After a restore numbers begin again: what was written below the last seal would never be read.
CREATE FUNCTION ledger_refuse_numbers(p_sealed bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'transaction numbers begin again below %: run the command ledger_rebase', p_sealed
        USING ERRCODE = 'object_not_in_prerequisite_state';
END $$;

CREATE SEQUENCE ledger_line_id AS bigint;
CREATE TABLE ledger_journalline (
    id bigint NOT NULL DEFAULT nextval('ledger_line_id'),
    entry_id bigint NOT NULL,
    account_id bigint NOT NULL,
    amount_minor bigint NOT NULL,
    balance_after_minor bigint,
    txid bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    business_date date NOT NULL,
    value_date date NOT NULL,
    position smallint NOT NULL,
    currency varchar(3) NOT NULL,
    item text NOT NULL,
    -- An account's lines in the order of its days: statements, and what came after a checkpoint.
    CONSTRAINT line_of_account PRIMARY KEY (account_id, business_date, id),
    -- An entry's lines. Their date is their entry's, so the pair is as good as unique by itself.
    CONSTRAINT line_unique_entry_position UNIQUE (entry_id, position, business_date),
    -- One check, not two: each is read again with every statement.
    CONSTRAINT line_amount_and_balance CHECK (amount_minor <> 0 AND (balance_after_minor IS NULL OR balance_after_minor >= 0))
) PARTITION BY RANGE (business_date);
ALTER SEQUENCE ledger_line_id OWNED BY ledger_journalline.id;
-- Money never waits for a partition to be made: a day without one goes here, and becomes one of its own later.
CREATE TABLE ledger_journalline_default PARTITION OF ledger_journalline DEFAULT;

CREATE INDEX line_by_item ON ledger_journalline (item) WHERE item <> '';

-- A fact is booked into the day it was recorded on, or a later one: so all lines up to a day were recorded
-- before the next one began.
ALTER TABLE ledger_journalentry ADD CONSTRAINT entry_not_before_recorded
    CHECK (business_date >= (recorded_at AT TIME ZONE 'UTC')::date);
