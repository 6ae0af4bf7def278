-- Seals: behind the writers, in batches, what is final is hashed onto the chain and summed into checkpoints.

CREATE FUNCTION ledger_entry_hash(e ledger_journalentry) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT sha256(e.digest || convert_to(concat_ws(E'\x1f', e.id, e.recipe, e.reference, e.subject, e.description,
        e.actor, e.business_date, e.value_date, e.line_count, extract(epoch FROM e.recorded_at), e.txid), 'UTF8'))
$$;

-- The hash over some entries: that of their hashes by id, in runs of 4096, so that memory stays flat.
CREATE FUNCTION ledger_hash_of(p_previous bytea, p_after_id bigint, p_from_txid bigint, p_until_txid bigint,
                               OUT entries bigint, OUT hash bytea) LANGUAGE sql STABLE AS $$
    SELECT COALESCE(sum(run.entries), 0)::bigint,
           sha256(p_previous || COALESCE(string_agg(run.hash, ''::bytea ORDER BY run.number), ''::bytea))
    FROM (SELECT e.id / 4096 AS number, count(*) AS entries,
                 sha256(string_agg(ledger_entry_hash(e), ''::bytea ORDER BY e.id)) AS hash
          FROM ledger_journalentry AS e
          WHERE e.id > p_after_id AND e.txid >= p_from_txid AND e.txid < p_until_txid
          GROUP BY e.id / 4096) AS run
$$;

-- The barrier of the next seal: transactions with a greater number draw greater ids than these.
CREATE TABLE ledger_barrier (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    number xid8 NOT NULL,
    entry_floor bigint NOT NULL,
    line_floor bigint NOT NULL,
    date_floor date NOT NULL
);

-- Puts the barrier where the journal is now. Notes the last ids drawn and the first open day, and only then takes a
-- transaction number: a posting takes its number before it draws an id or looks for its day, so whoever has a greater one
-- than ours draws greater ids than these, and is booked into that day or a later one. The day is noted here and not by
-- the seal: what is posted after the barrier may be in a day that is closed before the seal is made.
-- Must be committed before ledger_seal: until it ends, snapshots do not tell who else is below its number.
CREATE FUNCTION ledger_put_barrier() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_entry_floor bigint;
    v_line_floor bigint;
    v_date_floor date;
BEGIN
    IF pg_current_xact_id_if_assigned() IS NULL THEN
        SELECT COALESCE(max(business_date) + 1, '0001-01-01') INTO v_date_floor FROM ledger_closedday;
        SELECT last_value INTO v_entry_floor FROM ledger_journalentry_id_seq;
        SELECT last_value INTO v_line_floor FROM ledger_line_id;
        INSERT INTO ledger_barrier (number, entry_floor, line_floor, date_floor)
        VALUES (pg_current_xact_id(), v_entry_floor, v_line_floor, v_date_floor)
        ON CONFLICT (single) DO UPDATE SET number = EXCLUDED.number, entry_floor = EXCLUDED.entry_floor,
                                         line_floor = EXCLUDED.line_floor, date_floor = EXCLUDED.date_floor;
    END IF;
END $$;

-- Tell whether a transaction below the barrier may still write to this database. A snapshot knows the transactions of
-- all databases of the server: one that holds a lock on another database's table is none of ours.
CREATE FUNCTION ledger_is_under_way(p_barrier xid8) RETURNS boolean LANGUAGE sql VOLATILE AS $$
    SELECT pg_snapshot_xmax(pg_current_snapshot()) <= p_barrier OR EXISTS (
        SELECT 1 FROM pg_snapshot_xip(pg_current_snapshot()) AS open(number)
        WHERE open.number < p_barrier AND NOT EXISTS (
            SELECT 1 FROM pg_locks AS own JOIN pg_locks AS held ON held.pid = own.pid
            WHERE own.locktype = 'transactionid' AND own.mode = 'ExclusiveLock' AND own.granted
              AND own.transactionid = open.number::xid AND held.database <> 0
              AND held.database <> (SELECT oid FROM pg_database WHERE datname = current_database())))
$$;

-- Seals everything that was written by transactions below the barrier, once the last of them has ended. Waits until
-- then: what they wrote can be seen now, and no more of it will ever come. A transaction that stays open makes us give
-- up, and the next run tries again. Then hashes the new entries, adds the new lines to the checkpoints and keeps the
-- seal, all in one transaction. Returns its id; null where nothing is new, or somebody stayed open for longer than
-- p_patience.
CREATE FUNCTION ledger_seal(p_now timestamptz, p_patience interval) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_last ledger_seal;
    v_barrier ledger_barrier;
    v_txid bigint;
    v_entries bigint;
    v_hash bytea;
    v_id bigint;
    v_until timestamptz := clock_timestamp() + p_patience;
BEGIN
    LOCK TABLE ledger_seal IN SHARE ROW EXCLUSIVE MODE;
    SELECT * INTO v_barrier FROM ledger_barrier;
    v_txid := v_barrier.number::text::bigint + ledger_txid_offset();
    WHILE ledger_is_under_way(v_barrier.number) LOOP
        IF clock_timestamp() > v_until THEN
            RETURN NULL;
        END IF;
        PERFORM pg_sleep(0.002);
    END LOOP;
    SELECT * INTO v_last FROM ledger_seal ORDER BY id DESC LIMIT 1;
    IF v_last.id IS NULL THEN
        v_last.txid := 0;
        v_last.entry_floor := 0;
        v_last.line_floor := 0;
        v_last.date_floor := '0001-01-01';
        v_last.hash := decode(repeat('00', 32), 'hex');
    ELSIF v_txid < v_last.txid THEN
        PERFORM ledger_refuse_numbers(v_last.txid);
    END IF;
    SELECT entries, hash INTO v_entries, v_hash
    FROM ledger_hash_of(v_last.hash, v_last.entry_floor, v_last.txid, v_txid);
    IF v_entries = 0 THEN
        RETURN NULL;
    END IF;
    PERFORM ledger_add_to_checkpoints(v_last.entry_floor, v_last.date_floor, v_last.txid, v_txid);
    INSERT INTO ledger_seal (entries, txid, entry_floor, line_floor, date_floor, previous_hash, hash, sealed_at)
    VALUES (v_entries, v_txid, v_barrier.entry_floor, v_barrier.line_floor, v_barrier.date_floor, v_last.hash, v_hash,
            p_now)
    RETURNING id INTO v_id;
    RETURN v_id;
END $$;

-- Adds lines that were just sealed to the checkpoints: one row an account and day, with the sums up to and including it
-- by business date and by value date. A line that came late for a day is added to the days after it as well.
CREATE FUNCTION ledger_add_to_checkpoints(p_after_entry bigint, p_date_floor date, p_from_txid bigint,
                                          p_until_txid bigint) RETURNS void LANGUAGE sql AS $$
    WITH lines AS MATERIALIZED (
        SELECT l.account_id, l.business_date, l.value_date, sum(l.amount_minor)::bigint AS debit_minor
        FROM ledger_journalentry AS e
        JOIN ledger_journalline AS l ON l.entry_id = e.id AND l.business_date = e.business_date
        WHERE e.id > p_after_entry AND e.txid >= p_from_txid AND e.txid < p_until_txid
          AND l.business_date >= p_date_floor
        GROUP BY l.account_id, l.business_date, l.value_date
    ), new AS (
        SELECT account_id, business_date AS day, debit_minor, 0 AS value_debit_minor FROM lines
        UNION ALL SELECT account_id, value_date, 0, debit_minor FROM lines
    ), days AS (
        SELECT account_id, day, debit_minor, value_debit_minor FROM new
        UNION ALL
        SELECT c.account_id, c.day, 0, 0
        FROM (SELECT account_id, min(day) AS first FROM new GROUP BY account_id) AS touched
        JOIN ledger_checkpoint AS c ON c.account_id = touched.account_id AND c.day >= touched.first
    ), steps AS (
        SELECT account_id, day, sum(sum(debit_minor)) OVER so_far AS debit_minor,
               sum(sum(value_debit_minor)) OVER so_far AS value_debit_minor
        FROM days GROUP BY account_id, day WINDOW so_far AS (PARTITION BY account_id ORDER BY day)
    )
    INSERT INTO ledger_checkpoint (account_id, day, debit_minor, value_debit_minor)
    SELECT s.account_id, s.day, s.debit_minor + COALESCE(stood.debit_minor, 0),
           s.value_debit_minor + COALESCE(stood.value_debit_minor, 0)
    FROM steps AS s
    LEFT JOIN LATERAL (
        SELECT c.debit_minor, c.value_debit_minor FROM ledger_checkpoint AS c
        WHERE c.account_id = s.account_id AND c.day <= s.day
        ORDER BY c.day DESC LIMIT 1) AS stood ON true
    ON CONFLICT (account_id, day) DO UPDATE
        SET debit_minor = EXCLUDED.debit_minor, value_debit_minor = EXCLUDED.value_debit_minor
$$;
