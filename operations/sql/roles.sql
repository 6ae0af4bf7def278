-- What the application's role may do, granted by the owner of the tables after each migration (manage.py
-- grant_app_role). Everything that it needs and no more: the books are written through their two doors only,
-- what is append-only is never changed, and nothing is truncated, altered, or owned.
DO $$
DECLARE
    v_role constant text := {role};
    v_table record;
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', v_role);
    EXECUTE format('REVOKE CREATE ON SCHEMA public FROM PUBLIC, %I', v_role);
    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA public FROM %I', v_role);
    FOR v_table IN
        SELECT c.oid::regclass::text AS name, c.relkind, c.relname,
               EXISTS (SELECT 1 FROM pg_trigger AS t WHERE t.tgrelid = c.oid AND t.tgname = 'append_only_table')
                   AS append_only,
               EXISTS (SELECT 1 FROM pg_trigger AS t WHERE t.tgrelid = c.oid AND t.tgname = 'guard_one_writer')
                   OR c.relispartition OR c.relname LIKE 'ledger\_journalline%' OR c.relname IN ({private}) AS private
        FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')
    LOOP
        EXECUTE format('GRANT SELECT ON %s TO %I', v_table.name, v_role);
        IF v_table.relkind = 'v' AND v_table.relname IN ({doors}) THEN
            EXECUTE format('GRANT INSERT ON %s TO %I', v_table.name, v_role);
        ELSIF v_table.relkind = 'v' OR v_table.private THEN
            NULL;
        ELSIF v_table.append_only THEN
            EXECUTE format('GRANT INSERT ON %s TO %I', v_table.name, v_role);
        ELSE
            EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %s TO %I', v_table.name, v_role);
        END IF;
    END LOOP;
    EXECUTE format('GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO %I', v_role);
END $$;
