-- Locks the stored balances of some accounts, in the order of their codes, until the caller's transaction ends.
-- With the owner's rights: the application may not write to the table, and so not lock its rows either.
--
-- Whoever waited for a lock waited for somebody who posted, and who may have opened an account that the statement could
-- not see when it began. Then all locks are given back and taken again: taking the missing one now would be out of order.
CREATE OR REPLACE FUNCTION ledger_lock_balances(p_codes text[], p_currency text)
RETURNS TABLE (code text, balance_minor bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_locked bigint;
BEGIN
    LOOP
        BEGIN
            PERFORM FROM ledger_balance AS b WHERE b.code = ANY (p_codes) AND b.currency = p_currency
            ORDER BY b.code COLLATE "C" FOR UPDATE;
            GET DIAGNOSTICS v_locked = ROW_COUNT;
            IF v_locked = (SELECT count(*) FROM ledger_balance AS b
                           WHERE b.code = ANY (p_codes) AND b.currency = p_currency) THEN
                RETURN QUERY SELECT b.code::text, b.balance_minor FROM ledger_balance AS b
                             WHERE b.code = ANY (p_codes) AND b.currency = p_currency;
                RETURN;
            END IF;
            RAISE EXCEPTION USING ERRCODE = 'CF001';
        EXCEPTION WHEN SQLSTATE 'CF001' THEN
            NULL;
        END;
    END LOOP;
END $$;
