-- What PostgreSQL itself refuses, whoever asks. Each guard has its own attack in tests/database/.

-- One writer: entries, lines, stored balances and holds are written from within a trigger, which is the posting
-- function. A statement of anybody else, be it the owner of the tables, is refused.
CREATE FUNCTION refuse_other_writers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: the books are written by posting', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER guard_one_writer BEFORE INSERT ON ledger_journalentry
    FOR EACH STATEMENT WHEN (pg_trigger_depth() < 1) EXECUTE FUNCTION refuse_other_writers();
CREATE TRIGGER guard_one_writer BEFORE INSERT ON ledger_journalline
    FOR EACH STATEMENT WHEN (pg_trigger_depth() < 1) EXECUTE FUNCTION refuse_other_writers();
CREATE TRIGGER guard_one_writer BEFORE INSERT OR UPDATE OR DELETE ON ledger_balance
    FOR EACH STATEMENT WHEN (pg_trigger_depth() < 1) EXECUTE FUNCTION refuse_other_writers();
CREATE TRIGGER guard_one_writer BEFORE INSERT OR UPDATE OR DELETE ON ledger_hold
    FOR EACH STATEMENT WHEN (pg_trigger_depth() < 1) EXECUTE FUNCTION refuse_other_writers();
CREATE TRIGGER guard_balance_stays BEFORE DELETE ON ledger_balance
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER guard_balance_table BEFORE TRUNCATE ON ledger_balance
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER guard_hold_stays BEFORE DELETE ON ledger_hold
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER guard_hold_table BEFORE TRUNCATE ON ledger_hold
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The lines of an entry arrive in one statement: they balance in each currency, are as many as the entry says
-- and numbered from zero, so that none can be added later, and carry the entry's dates and transaction.
--
-- A guarded account's lines carry the balance after them: the step from the first to the last is the sum of the
-- lines, and the last is the stored balance. No other account carries one.
--
-- Nothing is dated into a closed day. Closing takes a lock on the journal, so no posting is in flight meanwhile.
--
-- Nearly always the lines are of one entry, in one currency, each guarded account once. A loop then sees that all is
-- well in a third of the time of the queries below, which explain what is not, and judge batches.
CREATE FUNCTION guard_lines() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_line record;
    v_entry record;
    v record;
    v_lines int := 0;
    v_total bigint := 0;
    v_currency text;
    v_stored bigint;
    v_guarded bigint[] := '{}';
    v_well boolean := true;
BEGIN
    FOR v_line IN SELECT * FROM new_lines LOOP
        IF v_lines = 0 THEN
            SELECT id, line_count, txid, business_date, value_date, recorded_at INTO v_entry
            FROM ledger_journalentry WHERE id = v_line.entry_id;
            v_currency := v_line.currency;
            v_well := v_entry.id IS NOT NULL
                AND NOT EXISTS (SELECT 1 FROM ledger_closedday WHERE business_date >= v_line.business_date);
        END IF;
        SELECT balance_minor INTO v_stored FROM ledger_balance WHERE account_id = v_line.account_id;
        v_well := v_well AND v_line.entry_id = v_entry.id AND v_line.currency = v_currency
            AND v_line.txid = v_entry.txid AND v_line.business_date = v_entry.business_date
            AND v_line.value_date = v_entry.value_date AND v_line.recorded_at = v_entry.recorded_at
            AND v_line.position >= 0 AND v_line.position < v_entry.line_count
            AND v_line.balance_after_minor IS NOT DISTINCT FROM v_stored;
        IF v_stored IS NOT NULL THEN
            v_well := v_well AND v_line.account_id <> ALL (v_guarded);
            v_guarded := v_guarded || v_line.account_id;
        END IF;
        EXIT WHEN NOT v_well;
        v_lines := v_lines + 1;
        v_total := v_total + v_line.amount_minor;
    END LOOP;
    -- No two lines of an entry have the same position, so as many as it says in 0 to that are all of them.
    IF v_well AND (v_lines = 0 OR v_total = 0 AND v_lines = v_entry.line_count) THEN
        RETURN NULL;
    END IF;

    SELECT t.entry_id, bool_or(t.total <> 0) AS unbalanced, sum(t.lines) AS found, min(t.line_count) AS said INTO v
    FROM (SELECT l.entry_id, sum(l.amount_minor) AS total, count(*) AS lines, e.line_count,
                 min(l.position) AS first, max(l.position) AS last,
                 bool_and(l.txid = e.txid AND l.business_date = e.business_date AND l.value_date = e.value_date
                          AND l.recorded_at = e.recorded_at) AS agrees
          FROM new_lines AS l LEFT JOIN ledger_journalentry AS e ON e.id = l.entry_id
          GROUP BY l.entry_id, l.currency, e.line_count) AS t
    GROUP BY t.entry_id
    HAVING bool_or(t.total <> 0) OR sum(t.lines) IS DISTINCT FROM min(t.line_count)
        OR min(t.first) <> 0 OR max(t.last) <> min(t.line_count) - 1 OR bool_and(t.agrees) IS NOT TRUE
    LIMIT 1;
    IF FOUND AND v.unbalanced THEN
        RAISE EXCEPTION 'journal entry % does not balance', v.entry_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_balances';
    ELSIF FOUND AND v.found IS DISTINCT FROM v.said THEN
        RAISE EXCEPTION 'journal entry % says % lines and gets %', v.entry_id, v.said, v.found
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_line_count';
    ELSIF FOUND THEN
        RAISE EXCEPTION 'lines do not agree with their journal entry %', v.entry_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_and_lines_agree';
    END IF;

    SELECT l.business_date INTO v FROM new_lines AS l
    WHERE EXISTS (SELECT 1 FROM ledger_closedday AS c WHERE c.business_date >= l.business_date) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the day % is closed', v.business_date
            USING ERRCODE = 'check_violation', CONSTRAINT = 'day_is_open';
    END IF;

    SELECT t.account_id, b.balance_minor AS stored, t.last[2] AS said INTO v
    FROM (SELECT l.account_id, a.guarded, bool_or(l.balance_after_minor IS NULL) AS missing,
                 bool_or(l.balance_after_minor IS NOT NULL) AS carried, sum(sign.of * l.amount_minor) AS total,
                 min(ARRAY[l.id, l.balance_after_minor - sign.of * l.amount_minor]) AS first,
                 max(ARRAY[l.id, l.balance_after_minor]) AS last
          FROM new_lines AS l JOIN ledger_account AS a ON a.id = l.account_id,
               LATERAL (SELECT CASE WHEN a.type IN ('asset', 'expense') THEN 1 ELSE -1 END AS of) AS sign
          WHERE a.guarded OR l.balance_after_minor IS NOT NULL
          GROUP BY l.account_id, a.guarded) AS t
    LEFT JOIN ledger_balance AS b ON b.account_id = t.account_id
    WHERE t.guarded IS DISTINCT FROM t.carried OR t.guarded = t.missing
       OR t.last[2] - t.first[2] <> t.total OR t.last[2] IS DISTINCT FROM b.balance_minor
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the lines do not continue the balance of account %: % stored, % said',
            v.account_id, v.stored, v.said USING ERRCODE = 'check_violation', CONSTRAINT = 'balance_chain';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER guard_lines AFTER INSERT ON ledger_journalline
    REFERENCING NEW TABLE AS new_lines FOR EACH STATEMENT EXECUTE FUNCTION guard_lines();

-- Where an account is guarded, its balance is stored from the moment it is opened.
CREATE FUNCTION store_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger_balance (account_id, balance_minor) VALUES (NEW.id, 0);
    RETURN NULL;
END $$;
CREATE TRIGGER store_balance AFTER INSERT ON ledger_account
    FOR EACH ROW WHEN (NEW.guarded) EXECUTE FUNCTION store_balance();

-- An entry has at least two lines.
ALTER TABLE ledger_journalentry ADD CONSTRAINT entry_has_two_lines CHECK (line_count >= 2);

-- What an account is, is fixed when it is opened.
CREATE TRIGGER guard_account_stays BEFORE UPDATE OR DELETE ON ledger_account
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER guard_account_table BEFORE TRUNCATE ON ledger_account
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
