-- name: post
INSERT INTO ledger_posting (recipe, reference, subject, description, actor, business_date, value_date, recorded_at,
                            digest, codes, currencies, types, positions, amounts, items)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::text[], $11::text[], $12::text[], $13::smallint[], $14::bigint[],
        $15::text[])
RETURNING entry_id, created, digest

-- name: post_exchange
INSERT INTO ledger_posting (recipe, reference, subject, description, actor, business_date, value_date, recorded_at,
                            digest, codes, currencies, types, positions, amounts, items, exchange)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::text[], $11::text[], $12::text[], $13::smallint[], $14::bigint[],
        $15::text[], $16::jsonb)
RETURNING entry_id, created, digest

-- name: post_batch
INSERT INTO ledger_posting_batch (recipes, "references", subjects, descriptions, actor, business_date, value_dates,
                                  recorded_at, digests, line_counts, of, codes, currencies, types, positions, amounts,
                                  items, exchanges)
VALUES ($1::text[], $2::text[], $3::text[], $4::text[], $5, $6, $7::date[], $8, $9::bytea[], $10::integer[],
        $11::integer[], $12::text[], $13::text[], $14::text[], $15::smallint[], $16::bigint[], $17::text[],
        NULLIF($18, '')::jsonb)
RETURNING entry_ids, created, digests

-- name: entry_heads
SELECT id, subject, value_date FROM ledger_journalentry WHERE id = ANY(%(entries)s::bigint[])

-- name: entry_lines
SELECT a.code, l.currency, l.amount_minor, l.item
FROM ledger_journalline AS l JOIN ledger_account AS a ON a.id = l.account_id
WHERE l.entry_id = %(entry_id)s
  AND l.business_date = (SELECT business_date FROM ledger_journalentry WHERE id = %(entry_id)s)
ORDER BY l.position

-- name: balances_now
SELECT b.code, b.currency, CASE b.sign WHEN 1 THEN 'asset' ELSE 'liability' END AS type,
       b.sign * b.balance_minor AS debit_minor
FROM ledger_balance AS b
WHERE (%(code)s::text IS NULL OR b.code = %(code)s) AND (%(currency)s::text IS NULL OR b.currency = %(currency)s)
UNION ALL
SELECT a.code, a.currency, a.type, COALESCE(d.debit_minor, 0)
FROM ledger_account AS a LEFT JOIN ledger_debits((
    SELECT array_agg(id) FROM ledger_account
    WHERE NOT guarded AND (%(code)s::text IS NULL OR code = %(code)s)
      AND (%(currency)s::text IS NULL OR currency = %(currency)s)
), NULL, NULL, NULL) AS d ON d.account_id = a.id
WHERE NOT a.guarded AND (%(code)s::text IS NULL OR a.code = %(code)s)
  AND (%(currency)s::text IS NULL OR a.currency = %(currency)s)

-- name: balances_then
SELECT a.code, a.currency, a.type, COALESCE(d.debit_minor, 0) AS debit_minor
FROM ledger_account AS a LEFT JOIN ledger_debits(CASE WHEN %(code)s::text IS NOT NULL THEN (
    SELECT array_agg(id) FROM ledger_account
    WHERE code = %(code)s AND (%(currency)s::text IS NULL OR currency = %(currency)s)
) END, %(on)s::date, %(at)s::timestamptz, %(value_on)s::date) AS d ON d.account_id = a.id
WHERE (%(code)s::text IS NULL OR a.code = %(code)s) AND (%(currency)s::text IS NULL OR a.currency = %(currency)s)

-- name: wallets
SELECT split_part(a.code, ':', 2) AS seller, a.currency, split_part(a.code, ':', 3) AS part, b.balance_minor
FROM ledger_balance AS b JOIN ledger_account AS a ON a.id = b.account_id
WHERE a.guarded AND (%(codes)s::text[] IS NULL OR a.code = ANY (%(codes)s))
ORDER BY seller, a.currency, part

-- name: open_items
SELECT l.item, sum(l.amount_minor)::bigint AS debit_minor, min(e.recorded_at) AS since, min(e.subject) AS subject
FROM ledger_journalline AS l
JOIN ledger_account AS a ON a.id = l.account_id
JOIN ledger_journalentry AS e ON e.id = l.entry_id
WHERE a.code = %(code)s AND a.currency = %(currency)s
GROUP BY l.item HAVING sum(l.amount_minor) <> 0 ORDER BY since, l.item

-- name: lines_of_account
SELECT l.id, l.entry_id, l.amount_minor, l.item, e.recipe, e.reference, e.subject, e.recorded_at
FROM ledger_journalline AS l
JOIN ledger_account AS a ON a.id = l.account_id
JOIN ledger_journalentry AS e ON e.id = l.entry_id
WHERE a.code = %(code)s AND a.currency = %(currency)s AND l.id > %(after_id)s
ORDER BY l.id

-- name: credit_of_item
SELECT COALESCE(-sum(l.amount_minor), 0)::bigint AS credit_minor
FROM ledger_journalline AS l JOIN ledger_account AS a ON a.id = l.account_id
WHERE a.code = %(code)s AND a.currency = %(currency)s AND l.item = %(item)s

-- name: clearing_of_item
SELECT currency, net_minor FROM ledger_clearing_of(%(psp)s, %(item)s) ORDER BY currency

-- name: close_day
SELECT entries, digest FROM ledger_close_day(%(business_date)s, %(actor)s, %(now)s)

-- name: put_barrier
SELECT ledger_put_barrier()

-- name: seal
SELECT ledger_seal(%(now)s, make_interval(secs => %(patience_s)s)) AS seal_id

-- name: make_partitions
SELECT ledger_make_partitions(%(first)s, %(last)s) AS made

-- name: rebase_facts
SELECT ledger_txid_offset() AS offset_now,
       GREATEST(ledger_txid_offset(), GREATEST((SELECT max(txid) FROM ledger_journalentry),
                                               (SELECT max(txid) FROM ledger_seal), 0)
                + 1 - pg_snapshot_xmin(pg_current_snapshot())::text::bigint) AS offset_needed

-- name: rebase
CREATE OR REPLACE FUNCTION ledger_txid_offset() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT {offset}::bigint'

-- name: lock_seller_balances
SELECT code, balance_minor FROM ledger_lock_balances(%(codes)s, %(currency)s)
