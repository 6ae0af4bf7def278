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
       NULL::bigint AS entry_id, NULL::boolean AS created
WHERE false;

CREATE FUNCTION ledger_post() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    n int := cardinality(NEW.codes);
    -- The transaction takes its number before it draws any id: what seals rely on.
    v_txid bigint := ledger_txid();
    v_day date;
    v_sealed bigint;
    v_accounts bigint[] := '{}';
    v_after bigint[] := '{}';
    v_account record;
    v_amount bigint;
    v_balance bigint;
BEGIN
    -- A fact about a day that is closed by now is booked into the first open day; its value date stays true.
    SELECT GREATEST(NEW.business_date, (SELECT max(business_date) + 1 FROM ledger_closedday)),
           (SELECT txid FROM ledger_seal ORDER BY id DESC LIMIT 1) INTO v_day, v_sealed;
    IF v_txid < v_sealed THEN
        PERFORM ledger_refuse_numbers(v_sealed);
    END IF;
    INSERT INTO ledger_journalentry AS e (recipe, reference, subject, description, actor, business_date,
                                          value_date, line_count, digest, recorded_at, txid)
    VALUES (NEW.recipe, NEW.reference, NEW.subject, NEW.description, NEW.actor, v_day,
            NEW.value_date, n, NEW.digest, NEW.recorded_at, v_txid)
    ON CONFLICT (recipe, reference) DO NOTHING
    RETURNING e.id INTO NEW.entry_id;
    IF NEW.entry_id IS NULL THEN
        SELECT e.id, false, e.digest INTO NEW.entry_id, NEW.created, NEW.digest
        FROM ledger_journalentry AS e WHERE e.recipe = NEW.recipe AND e.reference = NEW.reference;
        RETURN NEW;
    END IF;
    FOR i IN 1..n LOOP
        SELECT a.id, a.guarded, a.held, CASE WHEN a.type IN ('asset', 'expense') THEN 1 ELSE -1 END AS sign
        INTO v_account FROM ledger_account AS a WHERE a.code = NEW.codes[i] AND a.currency = NEW.currencies[i];
        IF NOT FOUND THEN
            INSERT INTO ledger_account (code, currency, type, guarded, held, opened_at)
            VALUES (NEW.codes[i], NEW.currencies[i], NEW.types[i], ledger_is_guarded(NEW.codes[i]),
                    ledger_is_held(NEW.codes[i]), NEW.recorded_at) ON CONFLICT (code, currency) DO NOTHING;
            SELECT a.id, a.guarded, a.held, CASE WHEN a.type IN ('asset', 'expense') THEN 1 ELSE -1 END AS sign
            INTO v_account FROM ledger_account AS a WHERE a.code = NEW.codes[i] AND a.currency = NEW.currencies[i];
        END IF;
        v_balance := NULL;
        IF v_account.guarded OR v_account.held THEN
            v_amount := v_account.sign * NEW.amounts[i];
            IF v_account.guarded THEN
                UPDATE ledger_balance AS b SET balance_minor = b.balance_minor + v_amount
                WHERE b.account_id = v_account.id RETURNING b.balance_minor INTO v_balance;
            ELSE
                PERFORM ledger_move_hold(v_account.id, NEW.items[i], v_amount);
            END IF;
        END IF;
        v_accounts := v_accounts || v_account.id;
        v_after := v_after || v_balance;
    END LOOP;
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
       NULL::bigint[] AS entry_ids, NULL::boolean[] AS created
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
        SELECT a.id, l.item, sum(CASE WHEN a.type IN ('asset', 'expense') THEN l.amount ELSE -l.amount END)::bigint AS step
        FROM unnest(p_batch.of, p_batch.codes, p_batch.currencies, p_batch.amounts, p_batch.items)
            AS l(of, code, currency, amount, item)
        JOIN ledger_account AS a ON a.code = l.code AND a.currency = l.currency AND a.held
        WHERE p_batch.created[l.of] AND (a.code COLLATE "C" < 'seller:') = p_before_sellers
        GROUP BY a.id, a.code, a.currency, l.item
        ORDER BY a.code COLLATE "C", a.currency COLLATE "C", l.item COLLATE "C"
    LOOP
        PERFORM ledger_move_hold(v_hold.id, v_hold.item, v_hold.step);
    END LOOP;
END $$;

CREATE FUNCTION ledger_post_batch() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_txid bigint := ledger_txid();
    v_day date;
    v_sealed bigint;
BEGIN
    SELECT GREATEST(NEW.business_date, (SELECT max(business_date) + 1 FROM ledger_closedday)),
           (SELECT txid FROM ledger_seal ORDER BY id DESC LIMIT 1) INTO v_day, v_sealed;
    IF v_txid < v_sealed THEN
        PERFORM ledger_refuse_numbers(v_sealed);
    END IF;
    -- In the order of their references, so that no two batches wait for each other.
    WITH wanted AS (
        SELECT * FROM unnest(NEW.recipes, NEW."references", NEW.subjects, NEW.descriptions, NEW.value_dates, NEW.digests,
                             NEW.line_counts)
            WITH ORDINALITY AS w(recipe, reference, subject, description, value_date, digest, line_count, n)
    ), written AS (
        INSERT INTO ledger_journalentry AS e (recipe, reference, subject, description, actor, business_date,
                                              value_date, line_count, digest, recorded_at, txid)
        SELECT w.recipe, w.reference, w.subject, w.description, NEW.actor, v_day, w.value_date, w.line_count, w.digest,
               NEW.recorded_at, v_txid
        FROM wanted AS w ORDER BY w.recipe, w.reference
        ON CONFLICT (recipe, reference) DO NOTHING RETURNING e.id, e.recipe, e.reference
    )
    SELECT array_agg(t.id ORDER BY w.n), array_agg(t.id IS NOT NULL ORDER BY w.n) INTO NEW.entry_ids, NEW.created
    FROM wanted AS w LEFT JOIN written AS t ON t.recipe = w.recipe AND t.reference = w.reference;

    IF false = ANY (NEW.created) THEN
        SELECT array_agg(COALESCE(w.id, e.id) ORDER BY w.n), array_agg(e.digest ORDER BY w.n)
        INTO NEW.entry_ids, NEW.digests
        FROM unnest(NEW.recipes, NEW."references", NEW.entry_ids) WITH ORDINALITY AS w(recipe, reference, id, n)
        JOIN ledger_journalentry AS e ON e.recipe = w.recipe AND e.reference = w.reference;
    END IF;

    INSERT INTO ledger_account (code, currency, type, guarded, held, opened_at)
    SELECT DISTINCT l.code, l.currency, l.type, ledger_is_guarded(l.code), ledger_is_held(l.code), NEW.recorded_at
    FROM unnest(NEW.codes, NEW.currencies, NEW.types) AS l(code, currency, type)
    WHERE NOT EXISTS (SELECT 1 FROM ledger_account AS a WHERE a.code = l.code AND a.currency = l.currency)
    ORDER BY 1, 2 ON CONFLICT (code, currency) DO NOTHING;

    -- Holds and balances are locked in the order of their accounts' codes, as by single postings.
    PERFORM ledger_move_holds(NEW, true);
    PERFORM 1 FROM ledger_balance AS b JOIN ledger_account AS a ON a.id = b.account_id
    WHERE (a.code, a.currency) IN (SELECT DISTINCT * FROM unnest(NEW.codes, NEW.currencies))
    ORDER BY a.code COLLATE "C", a.currency COLLATE "C" FOR UPDATE OF b;

    WITH lines AS (
        SELECT NEW.entry_ids[l.of] AS entry_id, l.of, l.position, a.id AS account_id, l.currency, l.amount, l.item,
               NEW.value_dates[l.of] AS value_date, a.guarded, l.code,
               CASE WHEN a.type IN ('asset', 'expense') THEN l.amount ELSE -l.amount END AS step
        FROM unnest(NEW.of, NEW.codes, NEW.currencies, NEW.positions, NEW.amounts, NEW.items)
            AS l(of, code, currency, position, amount, item)
        JOIN ledger_account AS a ON a.code = l.code AND a.currency = l.currency
        WHERE NEW.created[l.of]
    ), stored AS (
        UPDATE ledger_balance AS b SET balance_minor = b.balance_minor + s.step
        FROM (SELECT account_id, sum(step)::bigint AS step FROM lines WHERE guarded GROUP BY account_id) AS s
        WHERE b.account_id = s.account_id RETURNING b.account_id, b.balance_minor - s.step AS before
    )
    INSERT INTO ledger_journalline (entry_id, position, account_id, currency, amount_minor, item,
                                    balance_after_minor, business_date, value_date, recorded_at, txid)
    SELECT l.entry_id, l.position, l.account_id, l.currency, l.amount, l.item,
           s.before + sum(l.step) OVER (PARTITION BY l.account_id ORDER BY l.of, l.position),
           v_day, l.value_date, NEW.recorded_at, v_txid
    FROM lines AS l LEFT JOIN stored AS s ON s.account_id = l.account_id
    ORDER BY l.of, l.position;

    PERFORM ledger_move_holds(NEW, false);
    RETURN NEW;
END $$;
CREATE TRIGGER ledger_post_batch INSTEAD OF INSERT ON ledger_posting_batch
    FOR EACH ROW EXECUTE FUNCTION ledger_post_batch();
