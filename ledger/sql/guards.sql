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
-- Whose balance it is stays as it was when the account was opened; nothing fires where only the balance is set.
CREATE TRIGGER guard_balance_owner BEFORE UPDATE OF account_id, code, currency, sign ON ledger_balance
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
-- A balance is in the currency of its account.
ALTER TABLE ledger_balance ADD CONSTRAINT balance_currency_is_accounts
    FOREIGN KEY (account_id, currency) REFERENCES ledger_account (id, currency);
-- Balances move all the time: with room on its page, a row moves without touching its keys.
ALTER TABLE ledger_balance SET (fillfactor = 50);
CREATE TRIGGER guard_hold_stays BEFORE DELETE ON ledger_hold
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER guard_hold_table BEFORE TRUNCATE ON ledger_hold
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A currency exchange has its facts, and its lines are these: what left and came at the provider, what it kept, and
-- what the books took the money for; of one back, all of it with the other sign.
CREATE FUNCTION ledger_require_exchange(p_entry bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM ledger_journalentry AS e,
             LATERAL (SELECT CASE e.recipe WHEN 'currency_exchanged' THEN 1 ELSE -1 END AS sign) AS way
        WHERE e.id = p_entry AND e.recipe IN ('currency_exchanged', 'currency_exchanged_back')
          AND NOT EXISTS (
              SELECT 1 FROM ledger_exchange AS x,
                   LATERAL (SELECT sum(l.amount_minor) FILTER (WHERE a.code LIKE 'psp:%:clearing'
                                                               AND l.currency = x.presentment_currency) AS sold,
                                   sum(l.amount_minor) FILTER (WHERE a.code LIKE 'psp:%:clearing'
                                                               AND l.currency = x.settlement_currency) AS bought,
                                   sum(l.amount_minor) FILTER (WHERE a.code LIKE 'fx:%:trading'
                                                               AND l.currency = x.settlement_currency) AS taken_for,
                                   sum(l.amount_minor) FILTER (WHERE a.code LIKE 'psp:%:fees'
                                                               AND l.currency = x.fee_currency) AS fee
                            FROM ledger_journalline AS l JOIN ledger_account AS a ON a.id = l.account_id
                            WHERE l.entry_id = e.id AND l.business_date = e.business_date) AS booked
              WHERE x.entry_id = e.id AND booked.sold = -way.sign * x.presentment_minor
                AND booked.bought = way.sign * x.settlement_minor
                AND COALESCE(booked.taken_for, 0) = -way.sign * x.ledger_minor AND COALESCE(booked.fee, 0) = x.fee_minor)) THEN
        RAISE EXCEPTION 'journal entry % is not the exchange that its facts say', p_entry
            USING ERRCODE = 'check_violation', CONSTRAINT = 'exchange_is_booked';
    END IF;
END $$;

-- Of a payout no more comes back than left, and to the seller from whom it was taken. Returns to one seller wait for
-- each other at the seller's balance, so each sees those before it. Nor is a payment reversed of which some came back: it
-- would be under way again, and could come back once more. The two have no balance in common: they wait for each other at
-- the payout's name, and so each sees the other.
CREATE FUNCTION ledger_require_paid(p_entry bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_payout text;
BEGIN
    FOR v_payout IN
        SELECT DISTINCT l.item COLLATE "C" FROM ledger_journalentry AS e
        JOIN ledger_journalline AS l ON l.entry_id = e.id AND l.business_date = e.business_date
        WHERE e.id = p_entry AND e.recipe IN ('payout_returned', 'entry_reversed') AND l.amount_minor < 0 AND l.item <> ''
          AND ledger_original_recipe(e.recipe, e.reference) IN ('payout_returned', 'payout_paid') ORDER BY 1
    LOOP
        PERFORM pg_advisory_xact_lock(hashtextextended('payout that comes back: ' || v_payout, 0));
    END LOOP;
    IF EXISTS (
        SELECT 1 FROM ledger_journalentry AS e
        JOIN ledger_journalline AS l ON l.entry_id = e.id AND l.business_date = e.business_date,
             LATERAL (SELECT sum(p.amount_minor) FILTER (WHERE p.recipe = 'payout_paid' AND p.code = 'payouts:in_transit')
                                 AS paid,
                             -sum(p.amount_minor) FILTER (WHERE p.recipe = 'payout_returned' AND p.code LIKE 'seller:%')
                                 AS returned,
                             bool_or(p.recipe = 'payout_reserved' AND p.account_id = l.account_id) AS reserved
                      FROM (SELECT m.amount_minor, m.account_id, a.code, ledger_original_recipe(o.recipe, o.reference) AS recipe
                            FROM ledger_journalline AS m
                            JOIN ledger_account AS a ON a.id = m.account_id
                            JOIN ledger_journalentry AS o ON o.id = m.entry_id
                            WHERE m.item = l.item AND m.item <> '' AND m.currency = l.currency) AS p) AS payout
        WHERE e.id = p_entry AND l.amount_minor < 0
          AND (e.recipe = 'payout_returned'
               AND (COALESCE(payout.paid, 0) < payout.returned OR payout.reserved IS NOT TRUE)
               OR e.recipe = 'entry_reversed' AND ledger_original_recipe(e.recipe, e.reference) = 'payout_paid'
               AND COALESCE(payout.paid, 0) < COALESCE(payout.returned, 0))) THEN
        RAISE EXCEPTION 'journal entry % returns more of a payout than was paid of it', p_entry
            USING ERRCODE = 'check_violation', CONSTRAINT = 'returned_within_paid';
    END IF;
END $$;

-- The lines of an entry arrive in one statement: they balance in each currency, are as many as the entry says
-- and numbered from zero, so that none can be added later, and carry the entry's dates and transaction.
--
-- A guarded account's lines carry the balance after them: each continues the one before, and the last is the stored
-- balance. No other account carries one.
--
-- Nothing is dated into a closed day. Closing takes a lock on the journal, so no posting is in flight meanwhile.
--
-- A line is in the currency of its account. This is no foreign key, because one would lock the account's row at each
-- posting, hot ones by everybody at once, for nothing: accounts never change (guard_account_stays).
--
-- Nearly always the lines are of one entry, in one currency, each guarded account once. Three short queries then see
-- that all is well in half the time of those below, which explain what is not, and judge batches. They look up what
-- they need by scalar subqueries, so that no plan that was made for many lines reads a whole table for two.
--
-- Further facts: an exchange's lines are what was kept of it (ledger_require_exchange), and of a payout no more comes
-- back than left (ledger_require_paid).
CREATE FUNCTION guard_lines() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v record;
    v_entry bigint;
    v_lines bigint;
    v_stored bigint;
    v_well boolean;
BEGIN
    SELECT min(l.entry_id), count(*), count(l.balance_after_minor),
           sum(l.amount_minor) = 0 AND min(l.currency) = max(l.currency)
           AND count(DISTINCT l.account_id) FILTER (WHERE l.balance_after_minor IS NOT NULL)
               = count(l.balance_after_minor)
           -- Of a batch, only the lines of one entry are looked up for nothing.
           AND bool_and(l.entry_id = (SELECT max(entry_id) FROM new_lines) AND COALESCE(
               (SELECT b.currency = l.currency AND b.balance_minor IS NOT DISTINCT FROM l.balance_after_minor
                FROM ledger_balance AS b WHERE b.account_id = l.account_id), l.balance_after_minor IS NULL))
    INTO v_entry, v_lines, v_stored, v_well FROM new_lines AS l;
    IF v_well AND v_stored < v_lines THEN
        SELECT bool_and((SELECT a.currency FROM ledger_account AS a WHERE a.id = l.account_id AND NOT a.guarded)
                        IS NOT DISTINCT FROM l.currency)
        INTO v_well FROM new_lines AS l WHERE l.balance_after_minor IS NULL;
    END IF;
    -- No two lines of an entry have the same position, so as many as it says in 0 to that are all of them.
    IF v_well AND EXISTS (
        SELECT 1 FROM ledger_journalentry AS e
        WHERE e.id = v_entry AND e.line_count = v_lines AND e.recipe <> 'entry_reversed' AND e.recipe NOT IN (
              'currency_exchanged', 'currency_exchanged_back', 'payout_returned')
          AND NOT EXISTS (SELECT 1 FROM ledger_closedday AS c WHERE c.business_date >= e.business_date)
          AND (SELECT bool_and(l.entry_id = e.id AND l.position >= 0 AND l.position < e.line_count AND l.txid = e.txid
                               AND l.business_date = e.business_date AND l.value_date = e.value_date
                               AND l.recorded_at = e.recorded_at) FROM new_lines AS l)) THEN
        RETURN NULL;
    END IF;

    SELECT t.entry_id, bool_or(t.total <> 0) AS unbalanced, sum(t.lines) AS found, min(e.line_count) AS said INTO v
    FROM (SELECT l.entry_id, sum(l.amount_minor) AS total, count(*) AS lines,
                 min(l.position) AS first, max(l.position) AS last, min(l.txid) AS txid, min(l.recorded_at) AS recorded_at,
                 min(l.business_date) AS business_date, min(l.value_date) AS value_date,
                 min(l.txid) = max(l.txid) AND min(l.recorded_at) = max(l.recorded_at)
                     AND min(l.business_date) = max(l.business_date) AND min(l.value_date) = max(l.value_date) AS agree
          FROM new_lines AS l GROUP BY l.entry_id, l.currency) AS t
    LEFT JOIN LATERAL (SELECT * FROM ledger_journalentry AS e WHERE e.id = t.entry_id OFFSET 0) AS e ON true
    GROUP BY t.entry_id
    HAVING bool_or(t.total <> 0) OR sum(t.lines) IS DISTINCT FROM min(e.line_count)
        OR min(t.first) <> 0 OR max(t.last) <> min(e.line_count) - 1
        OR bool_and(t.agree AND t.txid = e.txid AND t.recorded_at = e.recorded_at
                    AND t.business_date = e.business_date AND t.value_date = e.value_date) IS NOT TRUE
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

    SELECT c.account_id, c.currency, c.foreign, c.stored, c.after AS said INTO v
    FROM (SELECT l.account_id, l.currency, l.balance_after_minor AS after, b.balance_minor AS stored,
                 lag(l.balance_after_minor) OVER chain + b.sign * l.amount_minor AS should,
                 lead(l.id) OVER chain IS NULL AS last,
                 COALESCE(b.currency, (SELECT a.currency FROM ledger_account AS a
                                       WHERE a.id = l.account_id AND NOT a.guarded)) IS DISTINCT FROM l.currency AS foreign
          FROM new_lines AS l
          LEFT JOIN LATERAL (SELECT * FROM ledger_balance AS b WHERE b.account_id = l.account_id OFFSET 0) AS b ON true
          WINDOW chain AS (PARTITION BY l.account_id ORDER BY l.id)) AS c
    WHERE c.foreign OR (c.stored IS NULL) <> (c.after IS NULL) OR c.should <> c.after OR c.last AND c.after <> c.stored
    LIMIT 1;
    IF FOUND AND v.foreign THEN
        RAISE EXCEPTION 'account % can have no line in %', v.account_id, v.currency
            USING ERRCODE = 'check_violation', CONSTRAINT = 'line_currency_is_accounts';
    ELSIF FOUND THEN
        RAISE EXCEPTION 'the lines do not continue the balance of account %: % stored, % said',
            v.account_id, v.stored, v.said USING ERRCODE = 'check_violation', CONSTRAINT = 'balance_chain';
    END IF;

    -- Some events have facts beside their lines. Few are of them: one look by key tells whether any is here.
    IF EXISTS (SELECT 1 FROM ledger_journalentry AS e
               WHERE e.id BETWEEN (SELECT min(entry_id) FROM new_lines) AND (SELECT max(entry_id) FROM new_lines)
                 AND e.recipe IN (
                     'currency_exchanged', 'currency_exchanged_back', 'payout_returned', 'entry_reversed')) THEN
        PERFORM ledger_require_exchange(one.entry_id) FROM (SELECT DISTINCT l.entry_id FROM new_lines AS l) AS one;
        PERFORM ledger_require_paid(one.entry_id) FROM (SELECT DISTINCT l.entry_id FROM new_lines AS l) AS one;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER guard_lines AFTER INSERT ON ledger_journalline
    REFERENCING NEW TABLE AS new_lines FOR EACH STATEMENT EXECUTE FUNCTION guard_lines();

-- Where an account is guarded, its balance is stored from the moment it is opened.
CREATE FUNCTION store_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger_balance (account_id, code, currency, sign, balance_minor)
    VALUES (NEW.id, NEW.code, NEW.currency, CASE WHEN NEW.type IN ('asset', 'expense') THEN 1 ELSE -1 END, 0);
    RETURN NULL;
END $$;
CREATE TRIGGER store_balance AFTER INSERT ON ledger_account
    FOR EACH ROW WHEN (NEW.guarded) EXECUTE FUNCTION store_balance();

-- An entry has at least two lines.
ALTER TABLE ledger_journalentry ADD CONSTRAINT entry_has_two_lines CHECK (line_count >= 2);

-- The chain hashes an entry's texts with this character between them (ledger_entry_hash): in one of them it could move
-- words from one text to the next, and the hash would be the same.
ALTER TABLE ledger_journalentry ADD CONSTRAINT entry_texts_are_apart
    CHECK (strpos(recipe || reference || subject || description || actor, E'\x1f') = 0);

-- What an account is, is fixed when it is opened.
CREATE TRIGGER guard_account_stays BEFORE UPDATE OR DELETE ON ledger_account
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER guard_account_table BEFORE TRUNCATE ON ledger_account
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
