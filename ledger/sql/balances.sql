-- Balances from checkpoints: what is sealed is summed already, what came after is a few lines.

-- Return the sum of debits less credits of some accounts (null: of all), now or as of a past moment:
--   p_on        up to and including a business day: what the books of that day say
--   p_at        what the books said at an instant, by recorded time
--   p_value_on  up to and including a day by value date: when the money moved in the outside world
-- The function is STABLE, so that all its queries see one snapshot: seal, checkpoints and lines belong together.
-- Dates are spelt out in the statement, so that the planner opens only the partitions that matter.
CREATE FUNCTION ledger_debits(p_accounts bigint[], p_on date, p_at timestamptz, p_value_on date)
RETURNS TABLE (account_id bigint, debit_minor bigint) LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_seal ledger_seal;
    v_until date := COALESCE(p_value_on, p_on, (p_at AT TIME ZONE 'UTC')::date - 1, 'infinity');
    v_sql text;
BEGIN
    SELECT * INTO v_seal FROM ledger_seal ORDER BY id DESC LIMIT 1;
    IF pg_snapshot_xmax(pg_current_snapshot())::text::bigint + ledger_txid_offset() < v_seal.txid THEN
        PERFORM ledger_refuse_numbers(v_seal.txid);
    END IF;
    v_sql := 'SELECT a.id AS account_id, c.debit_minor FROM '
        || CASE WHEN p_accounts IS NULL THEN 'ledger_account' ELSE 'unnest($1)' END || ' AS a(id), LATERAL ('
        || 'SELECT c.' || CASE WHEN p_value_on IS NULL THEN '' ELSE 'value_' END || 'debit_minor AS debit_minor'
        || ' FROM ledger_checkpoint AS c WHERE c.account_id = a.id AND c.day <= %1$L ORDER BY c.day DESC LIMIT 1) AS c'
        || ' UNION ALL SELECT l.account_id, l.amount_minor FROM ';
    IF p_accounts IS NULL THEN
        v_sql := v_sql || 'ledger_journalentry AS e'
            || ' JOIN ledger_journalline AS l ON l.entry_id = e.id AND l.business_date = e.business_date'
            || ' WHERE e.id > %5$s AND e.txid >= %4$s';
    ELSE
        v_sql := v_sql || 'ledger_journalline AS l WHERE l.account_id = ANY ($1) AND l.id > %3$s AND l.txid >= %4$s';
    END IF;
    v_sql := v_sql || ' AND l.business_date >= %2$L'
        || CASE WHEN p_value_on IS NULL THEN ' AND l.business_date <= %1$L' ELSE ' AND l.value_date <= %1$L' END;
    IF p_at IS NOT NULL THEN
        v_sql := v_sql || ' UNION ALL SELECT l.account_id, l.amount_minor FROM ledger_journalline AS l'
            || ' WHERE ($1 IS NULL OR l.account_id = ANY ($1))'
            || ' AND l.business_date BETWEEN %6$L AND %7$L AND l.recorded_at <= %8$L';
    END IF;
    RETURN QUERY EXECUTE format(
        'SELECT part.account_id, sum(part.debit_minor)::bigint FROM (' || v_sql || ') AS part GROUP BY part.account_id',
        v_until, COALESCE(v_seal.date_floor, '0001-01-01'), COALESCE(v_seal.line_floor, 0), COALESCE(v_seal.txid, 0),
        COALESCE(v_seal.entry_floor, 0), v_until + 1, ledger_last_day_at(p_at), p_at) USING p_accounts;
END $$;

-- The latest business day into which anything can have been booked by an instant: its own day, or the one after
-- the last that was closed by then. An hour is for those who read the clock before the close, and posted after it.
CREATE FUNCTION ledger_last_day_at(p_at timestamptz) RETURNS date LANGUAGE sql STABLE AS $$
    SELECT GREATEST((p_at AT TIME ZONE 'UTC')::date, max(business_date) + 1)
    FROM ledger_closedday WHERE closed_at <= p_at + interval '1 hour'
$$;
