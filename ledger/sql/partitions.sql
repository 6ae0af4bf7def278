-- Monthly partitions of the lines: made ahead by a job, detached by an operator once their days are closed.

-- Nobody writes to a partition by its own name: the guards of a statement are those of the table it names.
CREATE FUNCTION refuse_by_name() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: it is a part of the journal', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION ledger_guard_partition(p_name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER guard_partition_insert BEFORE INSERT ON %I
                    FOR EACH STATEMENT EXECUTE FUNCTION refuse_by_name()', p_name);
    EXECUTE format('CREATE TRIGGER guard_partition_truncate BEFORE TRUNCATE ON %I
                    FOR EACH STATEMENT EXECUTE FUNCTION refuse_by_name()', p_name);
END $$;

-- Makes the partitions of the months from p_first to p_last that are missing; returns how many it made.
-- Where lines wait in the default partition for a month of the journal's own, that partition becomes theirs.
CREATE FUNCTION ledger_make_partitions(p_first date, p_last date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_month date;
    v_name text;
    v_made integer := 0;
    v_from date;
    v_until date;
BEGIN
    SELECT date_trunc('month', min(business_date)), date_trunc('month', max(business_date)) + interval '1 month'
    INTO v_from, v_until FROM public.ledger_journalline_default;
    -- Where a month between them has a partition already, they stay: rows cannot be moved, only renamed as a whole.
    IF v_from IS NOT NULL AND NOT EXISTS (SELECT 1 FROM public.ledger_partition
                                          WHERE first_date < v_until AND until_date > v_from) THEN
        -- The rows stay where they are; the table they lie in changes its name and its bounds.
        v_name := 'ledger_journalline_' || to_char(v_from, 'YYYYMM') || '_' || to_char(v_until - 1, 'YYYYMM');
        EXECUTE 'ALTER TABLE public.ledger_journalline DETACH PARTITION public.ledger_journalline_default';
        EXECUTE format('ALTER TABLE public.ledger_journalline_default RENAME TO %I', v_name);
        EXECUTE format('ALTER TABLE public.ledger_journalline ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
                       v_name, v_from, v_until);
        EXECUTE 'CREATE TABLE public.ledger_journalline_default PARTITION OF public.ledger_journalline DEFAULT';
        PERFORM public.ledger_guard_partition('ledger_journalline_default');
        v_made := 1;
    END IF;
    v_month := date_trunc('month', p_first);
    WHILE v_month <= p_last LOOP
        v_name := 'ledger_journalline_' || to_char(v_month, 'YYYYMM');
        IF NOT EXISTS (SELECT 1 FROM public.ledger_partition
                       WHERE first_date <= v_month AND until_date > v_month)
           AND NOT EXISTS (SELECT 1 FROM public.ledger_journalline_default
                           WHERE business_date >= v_month AND business_date < v_month + interval '1 month') THEN
            EXECUTE format('CREATE TABLE public.%I PARTITION OF public.ledger_journalline FOR VALUES FROM (%L) TO (%L)',
                           v_name, v_month, v_month + interval '1 month');
            PERFORM public.ledger_guard_partition(v_name);
            v_made := v_made + 1;
        END IF;
        v_month := v_month + interval '1 month';
    END LOOP;
    RETURN v_made;
END $$;

-- The partitions as they stand, with the dates that they hold.
CREATE VIEW ledger_partition AS
SELECT part.relname::text AS name, bounds[1]::date AS first_date, bounds[2]::date AS until_date
FROM pg_inherits AS link
JOIN pg_class AS part ON part.oid = link.inhrelid,
LATERAL regexp_match(pg_get_expr(part.relpartbound, part.oid),
                     'FROM \(''([0-9-]+)''\) TO \(''([0-9-]+)''\)') AS bounds
WHERE link.inhparent = 'ledger_journalline'::regclass AND bounds IS NOT NULL;
