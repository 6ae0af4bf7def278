-- What an entry was made by: for a reversal what it reverses, or that reverses, down to what it began with.
CREATE OR REPLACE FUNCTION ledger_original_recipe(p_recipe text, p_reference text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    WHILE p_recipe = 'entry_reversed' LOOP
        SELECT e.recipe, e.reference INTO p_recipe, p_reference
        FROM ledger_journalentry AS e WHERE e.id = substr(p_reference, length('entry:') + 1)::bigint;
    END LOOP;
    RETURN p_recipe;
END $$;

-- What the books have on a provider's clearing account, by the provider's object. The ledger's face to set-based
-- readers in other rooms: they join this view, never the tables. Its fee is the one that the books have by now:
-- charged, or estimated and then trued up; a dispute's is counted with it, one that came back against it, and what was
-- reversed is taken off again. Of an exchange, the line is net of the fee that was kept back: the fee is its own line.
CREATE OR REPLACE VIEW ledger_clearing_item AS
SELECT split_part(account.code, ':', 2) AS psp, line.item, line.currency,
       sum(line.amount_minor)::bigint AS net_minor,
       COALESCE(-sum(line.amount_minor) FILTER (WHERE
           CASE entry.recipe WHEN 'entry_reversed' THEN ledger_original_recipe(entry.recipe, entry.reference)
                ELSE entry.recipe END IN (
           'provider_fee_charged', 'provider_fee_estimated', 'provider_fee_trued_up',
           'dispute_fee_charged', 'dispute_fee_returned')), 0)::bigint
       + COALESCE(sum((SELECT sum(kept.amount_minor) FROM ledger_journalline AS kept
                       JOIN ledger_account AS fees ON fees.id = kept.account_id
                       WHERE kept.entry_id = entry.id AND kept.business_date = entry.business_date
                         AND kept.currency = line.currency AND fees.code LIKE 'psp:%:fees')) FILTER (WHERE
           CASE entry.recipe WHEN 'entry_reversed' THEN ledger_original_recipe(entry.recipe, entry.reference)
                ELSE entry.recipe END = 'currency_exchanged'), 0)::bigint AS fee_minor,
       min(entry.recorded_at) AS since, min(entry.subject) AS subject
FROM ledger_journalline AS line
JOIN ledger_account AS account ON account.id = line.account_id
JOIN ledger_journalentry AS entry ON entry.id = line.entry_id
WHERE account.code LIKE 'psp:%:clearing'
GROUP BY account.code, line.item, line.currency;

-- The items of a provider's clearing account that moved on a business day or after it.
CREATE OR REPLACE FUNCTION ledger_clearing_moved(p_psp text, p_since date) RETURNS TABLE (item text)
LANGUAGE sql STABLE AS $$
    SELECT DISTINCT l.item FROM ledger_journalline AS l
    WHERE l.account_id IN (SELECT a.id FROM ledger_account AS a WHERE a.code = 'psp:' || p_psp || ':clearing')
      AND l.business_date >= p_since
$$;

-- One item of a provider's clearing account, in each of its currencies. Its lines are found by the item, whatever the
-- planner thinks of the account (OFFSET 0): a few, of an account that has all there are.
CREATE OR REPLACE FUNCTION ledger_clearing_of(p_psp text, p_item text)
RETURNS TABLE (currency text, net_minor bigint, since timestamptz) LANGUAGE sql STABLE AS $$
    SELECT l.currency, sum(l.amount_minor)::bigint, min(l.recorded_at)
    FROM (SELECT * FROM ledger_journalline WHERE item = p_item AND item <> '' OFFSET 0) AS l
    JOIN ledger_account AS a ON a.id = l.account_id
    WHERE a.code = 'psp:' || p_psp || ':clearing' GROUP BY l.currency
$$;
