-- Closing a business day. Runs with the owner's rights: the application may not lock or write these tables.

-- Closes a day and every earlier one. Waits for postings under way and lets none begin until the caller commits: what
-- is checked behind it, in the same transaction, is what was sealed. Returns how many entries the days have that it
-- closes, and a digest that continues the one of the last closed day.
CREATE FUNCTION ledger_close_day(p_day date, p_actor text, p_now timestamptz, OUT entries bigint, OUT digest text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_last ledger_closedday;
BEGIN
    LOCK TABLE ledger_journalentry IN SHARE ROW EXCLUSIVE MODE;
    SELECT * INTO v_last FROM ledger_closedday ORDER BY business_date DESC LIMIT 1;
    IF v_last.business_date >= p_day THEN
        RAISE EXCEPTION 'the day % is closed already', p_day
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'day_closed_once';
    END IF;
    SELECT d.entries, d.digest INTO entries, digest
    FROM ledger_digest_of_days(v_last.business_date, p_day, COALESCE(v_last.digest, '')) AS d;
    INSERT INTO ledger_closedday (business_date, closed_by, closed_at, entries, digest)
    VALUES (p_day, p_actor, p_now, entries, digest);
END $$;

-- A day that is to come would push every posting behind it. By the database's own clock, whatever the caller says.
CREATE FUNCTION guard_closed_day() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.business_date > (clock_timestamp() AT TIME ZONE 'UTC')::date THEN
        RAISE EXCEPTION 'the day % has not begun', NEW.business_date
            USING ERRCODE = 'check_violation', CONSTRAINT = 'day_has_begun';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_closed_day BEFORE INSERT ON ledger_closedday FOR EACH ROW EXECUTE FUNCTION guard_closed_day();

-- The digest of the entries of some days, after that of the days before them.
CREATE FUNCTION ledger_digest_of_days(p_after date, p_until date, p_before text, OUT entries bigint, OUT digest text)
LANGUAGE sql STABLE AS $$
    SELECT count(*), encode(sha256(convert_to(p_before, 'UTF8')
        || COALESCE(string_agg(ledger_entry_hash(e), ''::bytea ORDER BY e.id), ''::bytea)), 'hex')
    FROM ledger_journalentry AS e
    WHERE e.business_date > COALESCE(p_after, '-infinity') AND e.business_date <= p_until
$$;
