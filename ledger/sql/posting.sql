-- The one writer of the books, entered by INSERT INTO ledger_posting: one row an entry, one round trip.
--
-- It is a trigger so that the tables can tell it from everybody else: they refuse whoever writes to them from
-- outside a trigger, their owner too. It runs with the owner's rights; the application has none on the tables.
--
-- An entry's lines arrive sorted by account code, so that guarded balances are locked in the same order by
-- everybody and no two postings can deadlock. Returned are the entry's id, whether this call wrote it, and the
-- digest that stands: the same (recipe, reference) again writes nothing, and the caller compares digests.
CREATE VIEW ledger_posting AS
SELECT NULL::text AS recipe, NULL::text AS reference, NULL::text AS subject, NULL::text AS description,
       NULL::text AS actor, NULL::date AS business_date, NULL::date AS value_date, NULL::timestamptz AS recorded_at,
       NULL::bytea AS digest, NULL::text[] AS codes, NULL::text[] AS currencies, NULL::text[] AS types,
       NULL::smallint[] AS positions, NULL::bigint[] AS amounts, NULL::text[] AS items,
       NULL::bigint AS entry_id, NULL::boolean AS created, NULL::jsonb AS exchange
WHERE false;

CREATE FUNCTION ledger_post() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    n int := cardinality(NEW.codes);
    -- The transaction takes its number before it draws any id: what seals rely on.
    v_txid bigint := ledger_txid();
    v_day date;
    v_stale boolean;
    v_account bigint;
    v_accounts bigint[];
    v_after bigint[];
    v_balance bigint;
    v_step bigint;
BEGIN
    -- A fact about a day that is closed by now is booked into the first open day; its value date stays true.
    INSERT INTO ledger_journalentry AS e (recipe, reference, subject, description, actor, business_date,
                                          value_date, line_count, digest, recorded_at, txid)
    VALUES (NEW.recipe, NEW.reference, NEW.subject, NEW.description, NEW.actor,
            GREATEST(NEW.business_date, (SELECT max(business_date) + 1 FROM ledger_closedday)),
            NEW.value_date, n, NEW.digest, NEW.recorded_at, v_txid)
    ON CONFLICT (recipe, reference) DO NOTHING
    RETURNING e.id, e.business_date, e.txid < (SELECT s.txid FROM ledger_seal AS s ORDER BY s.id DESC LIMIT 1)
    INTO NEW.entry_id, v_day, v_stale;
    IF NEW.entry_id IS NULL THEN
        SELECT e.id, false, e.digest INTO NEW.entry_id, NEW.created, NEW.digest
        FROM ledger_journalentry AS e WHERE e.recipe = NEW.recipe AND e.reference = NEW.reference;
        RETURN NEW;
    ELSIF v_stale THEN
        PERFORM ledger_refuse_numbers((SELECT max(txid) FROM ledger_seal));
    END IF;
    FOR i IN 1..n LOOP
        -- An account that is not there yet is opened, and then asked for again.
        FOR v_try IN 1..2 LOOP
            IF ledger_is_guarded(NEW.codes[i]) THEN
                UPDATE ledger_balance AS b SET balance_minor = b.balance_minor + b.sign * NEW.amounts[i]
                WHERE b.code = NEW.codes[i] AND b.currency = NEW.currencies[i]
                RETURNING b.account_id, b.balance_minor INTO v_account, v_balance;
            ELSE
                SELECT a.id, NULL,
                       CASE WHEN a.held THEN CASE WHEN a.type IN ('asset', 'expense') THEN 1 ELSE -1 END * NEW.amounts[i] END
                INTO v_account, v_balance, v_step
                FROM ledger_account AS a WHERE a.code = NEW.codes[i] AND a.currency = NEW.currencies[i];
                IF v_step IS NOT NULL THEN
                    PERFORM ledger_move_hold(v_account, NEW.items[i], v_step);
                END IF;
            END IF;
            EXIT WHEN v_account IS NOT NULL;
            INSERT INTO ledger_account (code, currency, type, guarded, held, opened_at)
            VALUES (NEW.codes[i], NEW.currencies[i], NEW.types[i], ledger_is_guarded(NEW.codes[i]),
                    ledger_is_held(NEW.codes[i]), NEW.recorded_at) ON CONFLICT (code, currency) DO NOTHING;
        END LOOP;
        IF v_account IS NULL THEN
            RAISE EXCEPTION 'account % in % cannot be posted to: it has no stored balance', NEW.codes[i], NEW.currencies[i]
                USING ERRCODE = 'object_not_in_prerequisite_state';
        END IF;
        v_accounts[i] := v_account;
        v_after[i] := v_balance;
    END LOOP;
    IF NEW.exchange IS NOT NULL THEN
        INSERT INTO ledger_exchange SELECT * FROM jsonb_populate_record(
            NULL::ledger_exchange, NEW.exchange || jsonb_build_object('entry_id', NEW.entry_id));
    END IF;
    INSERT INTO ledger_journalline (entry_id, position, account_id, currency, amount_minor, item,
                                    balance_after_minor, business_date, value_date, recorded_at, txid)
    SELECT NEW.entry_id, l.*, v_day, NEW.value_date, NEW.recorded_at, v_txid
    FROM unnest(NEW.positions, v_accounts, NEW.currencies, NEW.amounts, NEW.items, v_after) AS l;
    NEW.created := true;
    RETURN NEW;
END $$;
CREATE TRIGGER ledger_post INSTEAD OF INSERT ON ledger_posting FOR EACH ROW EXECUTE FUNCTION ledger_post();


-- Many entries in one round trip, for payouts and settlements: one row whose arrays hold all entries and all lines.
-- Set-based, so that an account's balance moves once for the whole batch. All or nothing: one entry that an account
-- cannot bear refuses the batch. Returned are ids, whether each was written, and the digests that stand.
-- `of` numbers the entry that a line belongs to, from 1.
CREATE VIEW ledger_posting_batch AS
SELECT NULL::text[] AS recipes, NULL::text[] AS "references", NULL::text[] AS subjects, NULL::text[] AS descriptions,
       NULL::text AS actor, NULL::date AS business_date, NULL::date[] AS value_dates, NULL::timestamptz AS recorded_at,
       NULL::bytea[] AS digests, NULL::integer[] AS line_counts,
       NULL::integer[] AS of, NULL::text[] AS codes, NULL::text[] AS currencies, NULL::text[] AS types,
       NULL::smallint[] AS positions, NULL::bigint[] AS amounts, NULL::text[] AS items,
       NULL::bigint[] AS entry_ids, NULL::boolean[] AS created, NULL::jsonb AS exchanges
WHERE false;

-- Moves the holds of a batch on accounts that come before the sellers', or after them, in the order of code, currency
-- and item. Codes are compared by their bytes, as the client does: another collation of the database's would sort
-- them otherwise, and locks would be taken in two orders.
CREATE FUNCTION ledger_move_holds(p_batch ledger_posting_batch, p_before_sellers boolean) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_hold record;
BEGIN
    FOR v_hold IN
        SELECT h.id, h.item, sum(h.amount)::bigint AS step, min(h.so_far)::bigint AS lowest
        FROM (SELECT a.id, a.code, a.currency, l.item, a.sign * l.amount AS amount,
                     sum(a.sign * l.amount) OVER (PARTITION BY a.id, l.item ORDER BY l.n) AS so_far
              FROM unnest(p_batch.of, p_batch.codes, p_batch.currencies, p_batch.amounts, p_batch.items)
                  WITH ORDINALITY AS l(of, code, currency, amount, item, n)
              JOIN (SELECT *, CASE WHEN type IN ('asset', 'expense') THEN 1 ELSE -1 END AS sign FROM ledger_account) AS a
                  ON a.code = l.code AND a.currency = l.currency AND a.held
              WHERE p_batch.created[l.of] AND (a.code COLLATE "C" < 'seller:') = p_before_sellers) AS h
        GROUP BY h.id, h.code, h.currency, h.item
        ORDER BY h.code COLLATE "C", h.currency COLLATE "C", h.item COLLATE "C"
    LOOP
        -- What is held later in the batch does not pay for what is resolved before it.
        IF v_hold.lowest < LEAST(v_hold.step, 0) THEN
            PERFORM ledger_move_hold(v_hold.id, v_hold.item, v_hold.lowest);
            v_hold.step := v_hold.step - v_hold.lowest;
        END IF;
        PERFORM ledger_move_hold(v_hold.id, v_hold.item, v_hold.step);
    END LOOP;
END $$;

-- What stands in large tables is looked up by lateral subqueries that stay as they are (OFFSET 0): by key, in the order
-- of the batch, whatever the planner thinks of the number of rows.
CREATE FUNCTION ledger_post_batch() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_txid bigint := ledger_txid();
    v_floor bigint := nextval('ledger_journalentry_id_seq');
    v_day date;
    v_sealed bigint;
    v_accounts bigint[];
    v_signs bigint[];
    v_held boolean;
BEGIN
    SELECT GREATEST(NEW.business_date, (SELECT max(business_date) + 1 FROM ledger_closedday)),
           (SELECT txid FROM ledger_seal ORDER BY id DESC LIMIT 1) INTO v_day, v_sealed;
    IF v_txid < v_sealed THEN
        PERFORM ledger_refuse_numbers(v_sealed);
    END IF;
    -- The guard of lines looks at entries by their lines: it would never see one that came without any.
    IF EXISTS (SELECT 1 FROM unnest(NEW.line_counts) WITH ORDINALITY AS w(said, n)
               LEFT JOIN (SELECT l.of, count(*) AS found FROM unnest(NEW.of) AS l(of) GROUP BY l.of) AS l ON l.of = w.n
               WHERE l.found IS DISTINCT FROM w.said) THEN
        RAISE EXCEPTION 'an entry of the batch does not say how many lines it has'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_line_count';
    END IF;
    -- In the order of their references, so that no two batches wait for each other.
    INSERT INTO ledger_journalentry (recipe, reference, subject, description, actor, business_date,
                                     value_date, line_count, digest, recorded_at, txid)
    SELECT w.recipe, w.reference, w.subject, w.description, NEW.actor, v_day, w.value_date, w.line_count, w.digest,
           NEW.recorded_at, v_txid
    FROM unnest(NEW.recipes, NEW."references", NEW.subjects, NEW.descriptions, NEW.value_dates, NEW.digests,
                NEW.line_counts) AS w(recipe, reference, subject, description, value_date, digest, line_count)
    ORDER BY w.recipe COLLATE "C", w.reference COLLATE "C"
    ON CONFLICT (recipe, reference) DO NOTHING;

    -- Those that this statement wrote have our transaction's number, and a greater id than what we wrote before.
    SELECT array_agg(e.id ORDER BY w.n), array_agg(e.txid = v_txid AND e.id > v_floor ORDER BY w.n),
           array_agg(e.digest ORDER BY w.n)
    INTO NEW.entry_ids, NEW.created, NEW.digests
    FROM unnest(NEW.recipes, NEW."references") WITH ORDINALITY AS w(recipe, reference, n),
         LATERAL (SELECT * FROM ledger_journalentry AS e
                  WHERE e.recipe = w.recipe AND e.reference = w.reference OFFSET 0) AS e;

    LOOP
        SELECT array_agg(a.id ORDER BY l.n), bool_or(a.held),
               array_agg(CASE WHEN a.type IN ('asset', 'expense') THEN 1 ELSE -1 END ORDER BY l.n)
        INTO v_accounts, v_held, v_signs
        FROM unnest(NEW.codes, NEW.currencies) WITH ORDINALITY AS l(code, currency, n)
        LEFT JOIN LATERAL (SELECT * FROM ledger_account AS a
                           WHERE a.code = l.code AND a.currency = l.currency OFFSET 0) AS a ON true;
        EXIT WHEN array_position(v_accounts, NULL) IS NULL;
        INSERT INTO ledger_account (code, currency, type, guarded, held, opened_at)
        SELECT DISTINCT l.code, l.currency, l.type, ledger_is_guarded(l.code), ledger_is_held(l.code), NEW.recorded_at
        FROM unnest(NEW.codes, NEW.currencies, NEW.types, v_accounts) AS l(code, currency, type, id)
        WHERE l.id IS NULL ORDER BY 1, 2 ON CONFLICT (code, currency) DO NOTHING;
    END LOOP;

    -- Holds and balances are locked in the order of their accounts' codes, as by single postings.
    IF v_held THEN
        PERFORM ledger_move_holds(NEW, true);
    END IF;
    PERFORM 1 FROM (
        SELECT DISTINCT l.code COLLATE "C", l.currency COLLATE "C", l.account_id
        FROM unnest(v_accounts, NEW.codes, NEW.currencies) AS l(account_id, code, currency)
        WHERE ledger_is_guarded(l.code) ORDER BY 1, 2
    ) AS l, LATERAL (SELECT 1 FROM ledger_balance AS b WHERE b.account_id = l.account_id FOR UPDATE) AS b;
    UPDATE ledger_balance AS b SET balance_minor = b.balance_minor + b.sign * s.debit
    FROM (SELECT l.account_id, sum(l.amount)::bigint AS debit
          FROM unnest(v_accounts, NEW.of, NEW.amounts) AS l(account_id, of, amount)
          WHERE NEW.created[l.of] GROUP BY l.account_id) AS s
    WHERE b.account_id = s.account_id;

    IF NEW.exchanges IS NOT NULL THEN
        INSERT INTO ledger_exchange
        SELECT x.* FROM jsonb_array_elements(NEW.exchanges) WITH ORDINALITY AS f(facts, n),
             jsonb_populate_record(NULL::ledger_exchange,
                                   f.facts || jsonb_build_object('entry_id', NEW.entry_ids[f.n])) AS x
        WHERE f.facts <> 'null' AND NEW.created[f.n];
    END IF;
    -- What an account has now, less what the lines after this one add to it, is what it had after this one.
    INSERT INTO ledger_journalline (entry_id, position, account_id, currency, amount_minor, item,
                                    balance_after_minor, business_date, value_date, recorded_at, txid)
    SELECT NEW.entry_ids[l.of], l.position, l.account_id, l.currency, l.amount, l.item,
           (SELECT b.balance_minor FROM ledger_balance AS b WHERE b.account_id = l.account_id)
               - l.sign * (sum(l.amount) OVER (PARTITION BY l.account_id)
                           - sum(l.amount) OVER (PARTITION BY l.account_id ORDER BY l.n)),
           v_day, NEW.value_dates[l.of], NEW.recorded_at, v_txid
    FROM unnest(NEW.of, v_accounts, v_signs, NEW.currencies, NEW.positions, NEW.amounts, NEW.items)
        WITH ORDINALITY AS l(of, account_id, sign, currency, position, amount, item, n)
    WHERE NEW.created[l.of] ORDER BY l.n;

    IF v_held THEN
        PERFORM ledger_move_holds(NEW, false);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ledger_post_batch INSTEAD OF INSERT ON ledger_posting_batch
    FOR EACH ROW EXECUTE FUNCTION ledger_post_batch();
