-- name: lines_all
ledger_journalline

-- name: lines_new
(SELECT l.* FROM ledger_journalentry AS e
 JOIN ledger_journalline AS l ON l.entry_id = e.id AND l.business_date = e.business_date
 WHERE e.id > %(entry_floor)s AND e.txid >= %(txid)s AND l.business_date >= %(date_floor)s)

-- name: prove_entries
-- Each entry balances in each currency, has the lines it says, and no line is without its entry.
SELECT COALESCE(e.id, g.entry_id) AS entry_id, min(e.line_count) AS lines_said, sum(g.lines)::bigint AS lines_found,
       string_agg(g.total || ' ' || g.currency, ', ') FILTER (WHERE g.total <> 0) AS remainder
FROM (SELECT id, line_count FROM ledger_journalentry WHERE id > %(entry_floor)s AND txid >= %(txid)s) AS e
FULL JOIN (SELECT l.entry_id, l.currency, sum(l.amount_minor) AS total, count(*) AS lines
           FROM {lines} AS l GROUP BY l.entry_id, l.currency) AS g ON g.entry_id = e.id
GROUP BY COALESCE(e.id, g.entry_id)
HAVING bool_or(g.total <> 0) OR sum(g.lines) IS DISTINCT FROM min(e.line_count) OR min(e.line_count) < 2
LIMIT 20

-- name: prove_digests
-- Each entry's lines are those that were posted: account, amount, currency, item, in their order.
SELECT e.id AS entry_id, e.recipe, e.reference
FROM ledger_journalentry AS e
JOIN (SELECT l.entry_id, sha256(convert_to(string_agg(
          a.code || '|' || l.amount_minor || '|' || l.currency || '|' || l.item, E'\n' ORDER BY l.position), 'UTF8'))
          AS digest
      FROM {lines} AS l JOIN ledger_account AS a ON a.id = l.account_id GROUP BY l.entry_id) AS d ON d.entry_id = e.id
WHERE e.id > %(entry_floor)s AND e.txid >= %(txid)s AND d.digest <> e.digest
LIMIT 20

-- name: prove_balances
-- What is read is the sum of the lines: stored balances of sellers, checkpoints and what came after of the others.
SELECT a.code, a.currency, d.debit_minor AS read_minor, s.debit_minor AS lines_minor,
       CASE WHEN a.type IN ('asset', 'expense') THEN b.balance_minor ELSE -b.balance_minor END AS stored_minor
FROM ledger_account AS a
LEFT JOIN ledger_balance AS b ON b.account_id = a.id
LEFT JOIN (SELECT account_id, sum(amount_minor)::bigint AS debit_minor FROM ledger_journalline GROUP BY account_id)
    AS s ON s.account_id = a.id
LEFT JOIN ledger_debits(NULL, NULL, NULL, NULL) AS d ON d.account_id = a.id
WHERE COALESCE(d.debit_minor, 0) <> COALESCE(s.debit_minor, 0)
   OR a.guarded AND b.balance_minor IS DISTINCT FROM
      CASE WHEN a.type IN ('asset', 'expense') THEN COALESCE(s.debit_minor, 0) ELSE -COALESCE(s.debit_minor, 0) END
LIMIT 20

-- name: prove_balances_touched
-- The stored balances of the sellers that new lines touch are those that their lines make.
SELECT a.code, a.currency, d.debit_minor AS read_minor,
       CASE WHEN a.type IN ('asset', 'expense') THEN b.balance_minor ELSE -b.balance_minor END AS stored_minor
FROM ledger_debits((SELECT array_agg(DISTINCT l.account_id) FROM {lines} AS l), NULL, NULL, NULL) AS d
JOIN ledger_account AS a ON a.id = d.account_id AND a.guarded
LEFT JOIN ledger_balance AS b ON b.account_id = a.id
WHERE d.debit_minor IS DISTINCT FROM
      CASE WHEN a.type IN ('asset', 'expense') THEN b.balance_minor ELSE -b.balance_minor END
LIMIT 20

-- name: prove_chain
-- On a guarded account each line carries the balance before it plus itself, and the last one what is stored.
SELECT c.account_id, c.id AS line_id, c.balance_after_minor AS said_minor, c.before + c.step AS should_minor,
       c.stored AS stored_minor
FROM (SELECT l.account_id, l.id, l.balance_after_minor, b.balance_minor AS stored,
             CASE WHEN a.type IN ('asset', 'expense') THEN l.amount_minor ELSE -l.amount_minor END AS step,
             lag(l.balance_after_minor) OVER chain AS before, lead(l.id) OVER chain IS NULL AS last
      FROM {lines} AS l JOIN ledger_account AS a ON a.id = l.account_id AND a.guarded
      LEFT JOIN ledger_balance AS b ON b.account_id = l.account_id
      WINDOW chain AS (PARTITION BY l.account_id ORDER BY l.id)) AS c
WHERE c.before + c.step <> c.balance_after_minor OR c.balance_after_minor IS NULL OR c.balance_after_minor < 0
   OR c.last AND c.balance_after_minor IS DISTINCT FROM c.stored
LIMIT 20

-- name: prove_holds
-- What is held under an item is the sum of its lines, and never less than nothing.
SELECT a.code, a.currency, COALESCE(h.item, s.item) AS item, h.held_minor,
       CASE WHEN a.type IN ('asset', 'expense') THEN s.debit_minor ELSE -s.debit_minor END AS lines_minor
FROM ledger_hold AS h
FULL JOIN (SELECT l.account_id, l.item, sum(l.amount_minor)::bigint AS debit_minor
           FROM ledger_account AS a JOIN ledger_journalline AS l ON l.account_id = a.id WHERE a.held
           GROUP BY l.account_id, l.item) AS s ON s.account_id = h.account_id AND s.item = h.item
JOIN ledger_account AS a ON a.id = COALESCE(h.account_id, s.account_id)
WHERE h.held_minor IS DISTINCT FROM CASE WHEN a.type IN ('asset', 'expense') THEN s.debit_minor ELSE -s.debit_minor END
   OR h.held_minor < 0
LIMIT 20

-- name: prove_holds_touched
SELECT a.code, a.currency, l.item, h.held_minor,
       sum(CASE WHEN a.type IN ('asset', 'expense') THEN l.amount_minor ELSE -l.amount_minor END)::bigint AS lines_minor
FROM (SELECT DISTINCT l.account_id, l.item FROM {lines} AS l JOIN ledger_account AS a ON a.id = l.account_id AND a.held)
    AS touched
JOIN ledger_account AS a ON a.id = touched.account_id
JOIN ledger_journalline AS l ON l.account_id = touched.account_id AND l.item = touched.item AND l.item <> ''
LEFT JOIN ledger_hold AS h ON h.account_id = touched.account_id AND h.item = touched.item
GROUP BY a.code, a.currency, l.item, h.held_minor
HAVING h.held_minor IS DISTINCT FROM
       sum(CASE WHEN a.type IN ('asset', 'expense') THEN l.amount_minor ELSE -l.amount_minor END)
LIMIT 20

-- name: prove_currencies
SELECT l.id AS line_id, l.currency, a.currency AS account_currency
FROM {lines} AS l JOIN ledger_account AS a ON a.id = l.account_id WHERE a.currency <> l.currency LIMIT 20

-- name: prove_references_unique
SELECT recipe, reference, count(*) AS times FROM ledger_journalentry
WHERE id > %(entry_floor)s AND txid >= %(txid)s
GROUP BY recipe, reference HAVING count(*) > 1 LIMIT 20

-- name: prove_seals
-- Each seal continues the one before, and its hash is that of the entries as they stand.
SELECT s.id AS seal_id, s.sealed_at, encode(s.hash, 'hex') AS sealed, encode(h.hash, 'hex') AS found
FROM (SELECT *, lag(entry_floor, 1, 0::bigint) OVER chain AS from_entry, lag(txid, 1, 0::bigint) OVER chain AS from_txid,
             lag(hash, 1, decode(repeat('00', 32), 'hex')) OVER chain AS before
      FROM ledger_seal WINDOW chain AS (ORDER BY id)) AS s,
     LATERAL ledger_hash_of(s.before, s.from_entry, s.from_txid, s.txid) AS h
WHERE s.id > %(seal_id)s AND (h.hash <> s.hash OR h.entries <> s.entries OR s.previous_hash <> s.before)
LIMIT 20

-- name: prove_closed_days
-- Each closed day's digest continues the one before, over the entries as they stand.
SELECT d.business_date, d.digest AS sealed, f.digest AS found
FROM (SELECT *, lag(business_date) OVER days AS after, lag(digest, 1, '') OVER days AS before
      FROM ledger_closedday WINDOW days AS (ORDER BY business_date)) AS d,
     LATERAL ledger_digest_of_days(d.after, d.business_date, d.before) AS f
WHERE d.business_date >= %(since)s AND (f.digest <> d.digest OR f.entries <> d.entries)
LIMIT 20

-- name: prove_guards
-- Each guard is installed and enabled, on every partition too; a proof without its witnesses proves nothing.
SELECT wanted.on_table, wanted.name
FROM (SELECT split_part(pair, ' ', 1) AS on_table, split_part(pair, ' ', 2) AS name
      FROM unnest(%(guards)s::text[]) AS pair
      UNION ALL
      SELECT link.inhrelid::regclass::text, guard.name
      FROM pg_inherits AS link,
           unnest(ARRAY['guard_partition_insert', 'guard_partition_truncate', 'append_only_rows']) AS guard(name)
      WHERE link.inhparent = 'ledger_journalline'::regclass) AS wanted
WHERE NOT EXISTS (SELECT 1 FROM pg_trigger AS t WHERE t.tgrelid = to_regclass(wanted.on_table)
                  AND t.tgname = wanted.name AND t.tgenabled IN ('O', 'A'))

-- name: prove_constraints
SELECT wanted.name FROM unnest(%(constraints)s::text[]) AS wanted(name)
WHERE NOT EXISTS (SELECT 1 FROM pg_constraint AS c WHERE c.conname = wanted.name AND c.convalidated)

-- name: count_entries
SELECT count(*) AS entries FROM ledger_journalentry WHERE id > %(entry_floor)s AND txid >= %(txid)s

-- name: prove_head
-- A head that was exported earlier is still a link of the chain.
SELECT %(hash)s AS exported WHERE NOT EXISTS (
    SELECT 1 FROM ledger_seal WHERE id = %(seal_id)s AND hash = decode(%(hash)s, 'hex'))
