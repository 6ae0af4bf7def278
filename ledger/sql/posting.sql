-- The one writer of the books, called in one round trip.
--
-- Takes an entry whose lines arrive sorted by account code, so that the rows of guarded balances are locked in
-- the same order by everybody and no two postings can deadlock. Returns the entry's id, and whether this call
-- wrote it: the same (recipe, reference) again returns the first entry, and the caller compares digests.
CREATE FUNCTION ledger_post(
    p_recipe text, p_reference text, p_subject text, p_description text, p_actor text,
    p_business_date date, p_value_date date, p_now timestamptz, p_digest bytea,
    p_codes text[], p_currencies text[], p_types text[], p_guarded boolean[],
    p_positions smallint[], p_amounts bigint[], p_items text[],
    OUT entry_id bigint, OUT created boolean, OUT digest bytea
) LANGUAGE plpgsql AS $$
DECLARE
    n int := cardinality(p_codes);
    v_accounts bigint[] := '{}';
    v_after bigint[] := '{}';
    v_account bigint;
    v_balance bigint;
    v_last_closed date;
BEGIN
    -- A fact about a day that is closed by now is booked into the first open day; its value date stays true.
    SELECT max(business_date) INTO v_last_closed FROM ledger_closedday;
    INSERT INTO ledger_journalentry AS e (recipe, reference, subject, description, actor, business_date,
                                          value_date, line_count, digest, recorded_at)
    VALUES (p_recipe, p_reference, p_subject, p_description, p_actor,
            GREATEST(p_business_date, v_last_closed + 1), p_value_date, n, p_digest, p_now)
    ON CONFLICT (recipe, reference) DO NOTHING
    RETURNING e.id INTO entry_id;
    IF entry_id IS NULL THEN
        SELECT e.id, false, e.digest INTO entry_id, created, digest
        FROM ledger_journalentry AS e WHERE e.recipe = p_recipe AND e.reference = p_reference;
        RETURN;
    END IF;
    FOR i IN 1..n LOOP
        SELECT a.id INTO v_account FROM ledger_account AS a
        WHERE a.code = p_codes[i] AND a.currency = p_currencies[i];
        IF v_account IS NULL THEN
            INSERT INTO ledger_account AS a (code, currency, type, guarded, opened_at)
            VALUES (p_codes[i], p_currencies[i], p_types[i], p_guarded[i], p_now)
            ON CONFLICT (code, currency) DO NOTHING RETURNING a.id INTO v_account;
            IF v_account IS NULL THEN
                SELECT a.id INTO v_account FROM ledger_account AS a
                WHERE a.code = p_codes[i] AND a.currency = p_currencies[i];
            END IF;
        END IF;
        v_balance := NULL;
        IF p_guarded[i] THEN
            UPDATE ledger_balance AS b SET balance_minor = b.balance_minor
                + CASE WHEN p_types[i] IN ('asset', 'expense') THEN p_amounts[i] ELSE -p_amounts[i] END
            WHERE b.account_id = v_account RETURNING b.balance_minor INTO v_balance;
            IF v_balance IS NULL THEN
                INSERT INTO ledger_balance AS b (account_id, balance_minor)
                VALUES (v_account, CASE WHEN p_types[i] IN ('asset', 'expense') THEN p_amounts[i] ELSE -p_amounts[i] END)
                ON CONFLICT (account_id) DO UPDATE SET balance_minor = b.balance_minor + EXCLUDED.balance_minor
                RETURNING b.balance_minor INTO v_balance;
            END IF;
        END IF;
        v_accounts := v_accounts || v_account;
        v_after := v_after || v_balance;
    END LOOP;
    INSERT INTO ledger_journalline (entry_id, position, account_id, currency, amount_minor, item, balance_after_minor)
    SELECT ledger_post.entry_id, l.* FROM unnest(p_positions, v_accounts, p_currencies, p_amounts, p_items, v_after) AS l;
    created := true;
    digest := p_digest;
END $$;
