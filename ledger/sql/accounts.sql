-- What an account is follows from its code, here as in ledger/chart.py (a test compares the two).

-- Sellers' balances are stored, locked and never below zero.
CREATE FUNCTION ledger_is_guarded(code text) RETURNS boolean LANGUAGE sql IMMUTABLE
    AS $$ SELECT code LIKE 'seller:%' $$;
-- Money set aside under an item, such as a payout, until the item is resolved, once.
CREATE FUNCTION ledger_is_held(code text) RETURNS boolean LANGUAGE sql IMMUTABLE
    AS $$ SELECT code IN ('payouts:in_transit', 'deposits:in_transit', 'disputes:open', 'suspense:unidentified') $$;
-- Balances that consist of items: no line is without one.
CREATE FUNCTION ledger_is_itemised(code text) RETURNS boolean LANGUAGE sql IMMUTABLE
    AS $$ SELECT ledger_is_held(code) OR code LIKE 'psp:%:clearing' $$;
-- What kind of account a code of the chart is, and with that the side on which it grows; null for any other code.
CREATE FUNCTION ledger_type_of(code text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN code IN ('deposits:in_transit', 'disputes:open')
            OR code ~ '^(psp:[A-Za-z0-9_.-]+:clearing|bank:[A-Za-z0-9_.-]+|fx:[A-Za-z0-9_.-]+:trading)$'
            OR code ~ '^seller:[A-Za-z0-9_.-]+:receivable$' THEN 'asset'
        WHEN code IN ('payouts:in_transit', 'suspense:unidentified')
            OR code ~ '^(seller:[A-Za-z0-9_.-]+:(pending|available|reserved)|tax:[A-Za-z0-9_.-]+)$' THEN 'liability'
        WHEN code = 'platform:commission' THEN 'income'
        WHEN code IN ('losses:disputes', 'losses:write_off', 'rounding')
            OR code ~ '^psp:[A-Za-z0-9_.-]+:fees$' THEN 'expense'
        WHEN code = 'equity:opening' THEN 'equity'
    END
$$;

ALTER TABLE ledger_account
    -- The wrong type would turn the guard of a balance round: below zero would be above it.
    ADD CONSTRAINT account_type_by_code CHECK (type IS NOT DISTINCT FROM ledger_type_of(code)),
    ADD CONSTRAINT account_guarded_by_code CHECK (guarded = ledger_is_guarded(code)),
    ADD CONSTRAINT account_held_by_code CHECK (held = ledger_is_held(code)),
    ADD CONSTRAINT account_type_known CHECK (type IN ('asset', 'liability', 'income', 'expense', 'equity'));

-- Moves what is held under an item. The table refuses less than zero, so a hold resolves exactly once.
CREATE FUNCTION ledger_move_hold(p_account bigint, p_item text, p_amount bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE ledger_hold SET held_minor = held_minor + p_amount WHERE account_id = p_account AND item = p_item;
    IF NOT FOUND THEN
        INSERT INTO ledger_hold AS h (account_id, item, held_minor) VALUES (p_account, p_item, p_amount)
        ON CONFLICT (account_id, item) DO UPDATE SET held_minor = h.held_minor + EXCLUDED.held_minor;
    END IF;
END $$;
