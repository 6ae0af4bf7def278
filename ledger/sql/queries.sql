-- name: post
SELECT entry_id, created, digest FROM ledger_post(
    %(recipe)s, %(reference)s, %(subject)s, %(description)s, %(actor)s,
    %(business_date)s, %(value_date)s, %(now)s, %(digest)s,
    %(codes)s::text[], %(currencies)s::text[], %(types)s::text[], %(guarded)s::boolean[],
    %(positions)s::smallint[], %(amounts)s::bigint[], %(items)s::text[])

-- name: entry_lines
SELECT a.code, l.currency, l.amount_minor, l.item
FROM ledger_journalline AS l JOIN ledger_account AS a ON a.id = l.account_id
WHERE l.entry_id = %(entry_id)s ORDER BY l.position

-- name: lock_seller_balances
SELECT a.code, b.balance_minor FROM ledger_balance AS b JOIN ledger_account AS a ON a.id = b.account_id
WHERE a.code = ANY(%(codes)s) AND a.currency = %(currency)s
ORDER BY a.code FOR UPDATE OF b

-- name: balances
SELECT a.code, a.currency, a.type, COALESCE(sum(l.amount_minor), 0)::bigint AS debit_minor
FROM ledger_account AS a LEFT JOIN ledger_journalline AS l ON l.account_id = a.id
WHERE (%(code)s::text IS NULL OR a.code = %(code)s) AND (%(currency)s::text IS NULL OR a.currency = %(currency)s)
GROUP BY a.id ORDER BY a.currency, a.code

-- name: wallets
SELECT split_part(a.code, ':', 2) AS seller, a.currency, split_part(a.code, ':', 3) AS part, b.balance_minor
FROM ledger_balance AS b JOIN ledger_account AS a ON a.id = b.account_id
WHERE a.code LIKE 'seller:%%'
  AND (%(seller)s::text IS NULL OR a.code LIKE 'seller:' || %(seller)s || ':%%')
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

-- name: order_pending
SELECT COALESCE(-sum(l.amount_minor), 0)::bigint AS pending_minor
FROM ledger_journalline AS l JOIN ledger_account AS a ON a.id = l.account_id
WHERE a.code = %(code)s AND a.currency = %(currency)s AND l.item = %(item)s

-- name: lock_journal
LOCK TABLE ledger_journalentry IN SHARE ROW EXCLUSIVE MODE

-- name: journal_digest
SELECT count(*) AS entries, COALESCE(encode(sha256(string_agg(
    sha256(convert_to(e.id || e.recipe || e.reference || e.business_date, 'UTF8') || e.digest), ''::bytea
    ORDER BY e.id)), 'hex'), '') AS digest
FROM ledger_journalentry AS e WHERE e.business_date <= %(business_date)s

-- name: prove_entries_balance
SELECT l.entry_id, l.currency, sum(l.amount_minor)::bigint AS remainder_minor
FROM ledger_journalline AS l GROUP BY l.entry_id, l.currency HAVING sum(l.amount_minor) <> 0 LIMIT 20

-- name: prove_line_counts
SELECT e.id AS entry_id, e.line_count AS said, count(l.id) AS found
FROM ledger_journalentry AS e LEFT JOIN ledger_journalline AS l ON l.entry_id = e.id
GROUP BY e.id HAVING count(l.id) <> e.line_count OR count(l.id) < 2 LIMIT 20

-- name: prove_balances_are_sums
SELECT a.code, a.currency, b.balance_minor AS stored_minor,
       COALESCE(sum(CASE WHEN a.type IN ('asset', 'expense') THEN l.amount_minor ELSE -l.amount_minor END), 0)::bigint
           AS lines_minor
FROM ledger_account AS a
LEFT JOIN ledger_balance AS b ON b.account_id = a.id
LEFT JOIN ledger_journalline AS l ON l.account_id = a.id
WHERE a.guarded
GROUP BY a.id, b.balance_minor
HAVING b.balance_minor IS DISTINCT FROM
       COALESCE(sum(CASE WHEN a.type IN ('asset', 'expense') THEN l.amount_minor ELSE -l.amount_minor END), 0)
LIMIT 20

-- name: prove_not_negative
SELECT a.code, a.currency, b.balance_minor FROM ledger_balance AS b JOIN ledger_account AS a ON a.id = b.account_id
WHERE b.balance_minor < 0 LIMIT 20

-- name: prove_currencies
SELECT l.id AS line_id, l.currency, a.currency AS account_currency
FROM ledger_journalline AS l JOIN ledger_account AS a ON a.id = l.account_id WHERE a.currency <> l.currency LIMIT 20

-- name: prove_references_unique
SELECT recipe, reference, count(*) AS times FROM ledger_journalentry
GROUP BY recipe, reference HAVING count(*) > 1 LIMIT 20

-- name: prove_in_transit_not_overdrawn
SELECT l.item, l.currency, sum(l.amount_minor)::bigint AS debit_minor
FROM ledger_journalline AS l JOIN ledger_account AS a ON a.id = l.account_id
WHERE a.code = 'payouts:in_transit' GROUP BY l.item, l.currency HAVING sum(l.amount_minor) > 0 LIMIT 20

-- name: prove_guards_enabled
SELECT wanted.name FROM unnest(%(names)s::text[]) AS wanted(name)
WHERE NOT EXISTS (SELECT 1 FROM pg_trigger AS t WHERE t.tgname = wanted.name AND t.tgenabled IN ('O', 'A'))

-- name: count_entries
SELECT count(*) AS entries FROM ledger_journalentry
