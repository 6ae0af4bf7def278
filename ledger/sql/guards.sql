-- What PostgreSQL itself refuses, whoever asks. Each guard has its own attack in tests/database/.

-- A line is in the currency of its account.
ALTER TABLE ledger_journalline
    ADD CONSTRAINT line_currency_is_accounts FOREIGN KEY (account_id, currency)
    REFERENCES ledger_account (id, currency);

-- The lines of an entry arrive in one statement, balance in each currency, and are as many as the entry says;
-- so nobody can add a line later either.
CREATE FUNCTION guard_entry_balances() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    bad record;
BEGIN
    SELECT entry_id, currency, sum(amount_minor) AS total INTO bad
    FROM new_lines GROUP BY entry_id, currency HAVING sum(amount_minor) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'journal entry % does not balance: % % remain', bad.entry_id, bad.total, bad.currency
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_balances';
    END IF;
    SELECT entry.id, entry.line_count, count(*) AS lines INTO bad
    FROM (SELECT DISTINCT entry_id FROM new_lines) AS touched
    JOIN ledger_journalentry AS entry ON entry.id = touched.entry_id
    JOIN ledger_journalline AS line ON line.entry_id = entry.id
    GROUP BY entry.id HAVING count(*) <> entry.line_count LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'journal entry % says % lines and has %', bad.id, bad.line_count, bad.lines
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_line_count';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER guard_entry_balances AFTER INSERT ON ledger_journalline
    REFERENCING NEW TABLE AS new_lines FOR EACH STATEMENT EXECUTE FUNCTION guard_entry_balances();

-- An entry has at least two lines, and by the end of its transaction it has them all.
ALTER TABLE ledger_journalentry ADD CONSTRAINT entry_has_two_lines CHECK (line_count >= 2);
CREATE FUNCTION guard_entry_complete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM ledger_journalline WHERE entry_id = NEW.id) <> NEW.line_count THEN
        RAISE EXCEPTION 'journal entry % is incomplete', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_complete';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER guard_entry_complete AFTER INSERT ON ledger_journalentry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION guard_entry_complete();

-- Nothing is dated into a closed day. Closing takes a lock on the journal, so no posting is in flight meanwhile.
CREATE FUNCTION guard_day_is_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM ledger_closedday WHERE business_date >= NEW.business_date) THEN
        RAISE EXCEPTION 'the day % is closed', NEW.business_date
            USING ERRCODE = 'check_violation', CONSTRAINT = 'day_is_open';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_day_is_open BEFORE INSERT ON ledger_journalentry
    FOR EACH ROW EXECUTE FUNCTION guard_day_is_open();

-- A guarded account's lines form a chain: each carries the balance after it, which is the one before plus the
-- line, and the last one is the stored balance. So the stored balance is the sum of the lines, checked in one
-- index look-up a line instead of a sum.
CREATE FUNCTION guard_balance_chain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    bad record;
BEGIN
    SELECT line.id, account.code INTO bad
    FROM new_lines AS line JOIN ledger_account AS account ON account.id = line.account_id
    WHERE line.balance_after_minor IS DISTINCT FROM CASE WHEN account.guarded THEN
        COALESCE((SELECT earlier.balance_after_minor FROM ledger_journalline AS earlier
                  WHERE earlier.account_id = line.account_id AND earlier.id < line.id
                  ORDER BY earlier.id DESC LIMIT 1), 0)
        + CASE WHEN account.type IN ('asset', 'expense') THEN line.amount_minor ELSE -line.amount_minor END
        END
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'line % does not continue the balance of %', bad.id, bad.code
            USING ERRCODE = 'check_violation', CONSTRAINT = 'balance_chain';
    END IF;
    SELECT last.account_id INTO bad
    FROM (SELECT DISTINCT ON (account_id) account_id, balance_after_minor FROM new_lines
          WHERE balance_after_minor IS NOT NULL ORDER BY account_id, id DESC) AS last
    LEFT JOIN ledger_balance AS balance ON balance.account_id = last.account_id
    WHERE balance.balance_minor IS DISTINCT FROM last.balance_after_minor LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the stored balance of account % was not moved with its lines', bad.account_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'balance_is_sum';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER guard_balance_chain AFTER INSERT ON ledger_journalline
    REFERENCING NEW TABLE AS new_lines FOR EACH STATEMENT EXECUTE FUNCTION guard_balance_chain();

CREATE FUNCTION guard_balance_is_sum() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT balance_minor FROM ledger_balance WHERE account_id = NEW.account_id) IS DISTINCT FROM COALESCE(
        (SELECT balance_after_minor FROM ledger_journalline
         WHERE account_id = NEW.account_id ORDER BY id DESC LIMIT 1), 0) THEN
        RAISE EXCEPTION 'the stored balance of account % is not the sum of its lines', NEW.account_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'balance_is_sum';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER guard_balance_is_sum AFTER INSERT OR UPDATE ON ledger_balance
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION guard_balance_is_sum();
CREATE TRIGGER guard_balance_stays BEFORE DELETE ON ledger_balance
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER guard_balance_table BEFORE TRUNCATE ON ledger_balance
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What an account is, is fixed when it is opened.
CREATE TRIGGER guard_account_stays BEFORE UPDATE OR DELETE ON ledger_account
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER guard_account_table BEFORE TRUNCATE ON ledger_account
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
