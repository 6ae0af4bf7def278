-- name: lines_all
ledger_journalline

-- name: lines_new
(SELECT l.* FROM ledger_journalentry AS e
 JOIN ledger_journalline AS l ON l.entry_id = e.id AND l.business_date = e.business_date
 WHERE e.id > %(entry_floor)s AND e.txid >= %(txid)s AND l.business_date >= %(date_floor)s)

-- name: lines_suspected
-- (OFFSET 0: by their entries, whatever else is asked of them. The planner might begin at an account that has all lines.)
(SELECT * FROM ledger_journalline WHERE entry_id = ANY (%(suspects)s) OFFSET 0)

-- name: suspects
-- One pass over the lines tells nearly all entries right: they balance in one currency, are what they were posted as,
-- and no line is without its entry. Those of which it cannot tell are looked at closely below: exchanges, entries whose
-- lines do not come in their order, and what is wrong. Lines are written in the order of their digest. All of them are
-- taken as they lie on disk, where they nearly always have it; new ones come through indexes, and are sorted.
-- A line that new entries have not is none of theirs: one whose entry was taken away is found by the full proof.
SELECT COALESCE(t.entry_id, e.id) AS entry_id
FROM (SELECT l.entry_id, sum(l.amount_minor) AS total, count(*) AS lines, min(l.currency) <> max(l.currency) AS several,
             bool_and(l.currency = a.currency AND (l.item <> '' OR NOT a.itemised)) AS well,
             sha256(convert_to(string_agg(l.position || a.prefix || l.amount_minor || '|' || length(l.item) || '|' || l.item,
                                          E'\n'{in_order}), 'UTF8')) AS digest
      FROM {lines} AS l
      LEFT JOIN (SELECT id, currency, '|' || code || '|' || currency || '|' AS prefix,
                        ledger_is_itemised(code) AS itemised
                 FROM ledger_account OFFSET 0) AS a ON a.id = l.account_id
      GROUP BY l.entry_id) AS t
FULL JOIN (SELECT id, line_count, digest FROM ledger_journalentry WHERE id > %(entry_floor)s AND txid >= %(txid)s) AS e
    ON e.id = t.entry_id
WHERE t.lines IS DISTINCT FROM e.line_count OR t.total <> 0 OR t.several OR t.well IS NOT TRUE
   OR t.digest IS DISTINCT FROM e.digest

-- name: prove_entries
-- Each entry balances in each currency, has the lines it says, and no line is without its entry.
SELECT COALESCE(e.id, g.entry_id) AS entry_id, min(e.line_count) AS lines_said, sum(g.lines)::bigint AS lines_found,
       string_agg(g.total || ' ' || g.currency, ', ') FILTER (WHERE g.total <> 0) AS remainder
FROM (SELECT id, line_count FROM ledger_journalentry WHERE id = ANY (%(suspects)s)) AS e
FULL JOIN (SELECT l.entry_id, l.currency, sum(l.amount_minor) AS total, count(*) AS lines
           FROM {suspected} AS l GROUP BY l.entry_id, l.currency) AS g ON g.entry_id = e.id
GROUP BY COALESCE(e.id, g.entry_id)
HAVING bool_or(g.total <> 0) OR sum(g.lines) IS DISTINCT FROM min(e.line_count) OR min(e.line_count) < 2
LIMIT 20

-- name: prove_digests
-- Each entry's lines are those that were posted: account, currency, amount, item, in the order of their accounts; and
-- so are the facts of an exchange.
SELECT e.id AS entry_id, e.recipe, e.reference
FROM ledger_journalentry AS e
JOIN (SELECT l.entry_id, sha256(convert_to(string_agg(
          l.position || '|' || a.code || '|' || a.currency || '|' || l.amount_minor || '|' || length(l.item) || '|' || l.item,
          E'\n' ORDER BY a.code COLLATE "C", a.currency COLLATE "C", l.item COLLATE "C", l.position)
          || COALESCE((SELECT E'\n' || ledger_exchange_text(x) FROM ledger_exchange AS x WHERE x.entry_id = l.entry_id), ''),
          'UTF8')) AS digest
      FROM {suspected} AS l JOIN ledger_account AS a ON a.id = l.account_id GROUP BY l.entry_id) AS d ON d.entry_id = e.id
WHERE d.digest <> e.digest
LIMIT 20

-- name: prove_currencies
-- Each line is in the currency of its account.
SELECT l.id AS line_id, l.currency, a.currency AS account_currency
FROM {suspected} AS l LEFT JOIN ledger_account AS a ON a.id = l.account_id
WHERE a.currency IS DISTINCT FROM l.currency LIMIT 20

-- name: prove_open_items
-- What is held, and what providers hold for us, consists of items: a line without one would stay in it for ever.
SELECT l.id AS line_id, a.code, a.currency, l.amount_minor
FROM {suspected} AS l JOIN ledger_account AS a ON a.id = l.account_id
WHERE l.item = '' AND ledger_is_itemised(a.code) LIMIT 20

-- name: prove_balances
-- What is read is the sum of the lines: stored balances of sellers, checkpoints and what came after of the others.
WITH summed AS MATERIALIZED (
    SELECT account_id, sum(amount_minor)::bigint AS debit_minor FROM ledger_journalline GROUP BY account_id
), read AS MATERIALIZED (SELECT * FROM ledger_debits(NULL, NULL, NULL, NULL))
SELECT a.code, a.currency, r.debit_minor AS read_minor, s.debit_minor AS lines_minor, b.sign * b.balance_minor AS stored_minor
FROM ledger_account AS a
LEFT JOIN ledger_balance AS b ON b.account_id = a.id
LEFT JOIN summed AS s ON s.account_id = a.id
LEFT JOIN read AS r ON r.account_id = a.id
WHERE COALESCE(r.debit_minor, 0) <> COALESCE(s.debit_minor, 0)
   OR a.guarded AND (b.sign * b.balance_minor IS DISTINCT FROM COALESCE(s.debit_minor, 0)
                     OR (b.code, b.currency, b.sign) IS DISTINCT FROM
                        (a.code, a.currency, CASE WHEN a.type IN ('asset', 'expense') THEN 1 ELSE -1 END))
LIMIT 20

-- name: prove_checkpoints
-- Each checkpoint adds to the one before what its account's sealed lines of that day move, by business date and by value
-- date; there is one for each day on which such a line was booked or had its value.
-- (One pass: lines and checkpoints are put into the same groups, and in each both must say the same.)
WITH broken AS MATERIALIZED (
    SELECT of.account_id, of.day, sum(of.minor)::bigint AS lines_less_checkpoint_minor,
           sum(of.by_value_minor)::bigint AS by_value_date_minor, count(*) FILTER (WHERE of.is_line) AS lines,
           count(*) FILTER (WHERE NOT of.is_line) AS checkpoints
    FROM (SELECT l.account_id, l.business_date AS day, l.amount_minor AS minor,
                 CASE WHEN l.value_date = l.business_date THEN l.amount_minor ELSE 0 END AS by_value_minor, true AS is_line
          FROM ledger_journalline AS l WHERE l.txid < (SELECT s.txid FROM ledger_seal AS s ORDER BY s.id DESC LIMIT 1)
          UNION ALL
          SELECT l.account_id, l.value_date, 0, l.amount_minor, true
          FROM ledger_journalline AS l WHERE l.txid < (SELECT s.txid FROM ledger_seal AS s ORDER BY s.id DESC LIMIT 1)
            AND l.value_date <> l.business_date
          UNION ALL
          SELECT c.account_id, c.day, lag(c.debit_minor, 1, 0::bigint) OVER days - c.debit_minor,
                 lag(c.value_debit_minor, 1, 0::bigint) OVER days - c.value_debit_minor, false
          FROM ledger_checkpoint AS c WINDOW days AS (PARTITION BY c.account_id ORDER BY c.day)) AS of
    GROUP BY of.account_id, of.day
    HAVING sum(of.minor) <> 0 OR sum(of.by_value_minor) <> 0
        OR count(*) FILTER (WHERE of.is_line) = 0 OR count(*) FILTER (WHERE NOT of.is_line) <> 1
)
SELECT a.code, a.currency, b.* FROM broken AS b LEFT JOIN ledger_account AS a ON a.id = b.account_id LIMIT 20

-- name: prove_reads
-- What is read of all accounts, from checkpoints and what came after: in the end each balance is the same by value date
-- as by business date, and in each currency the debits sum to zero. `proof` says which of the two is broken.
WITH booked AS MATERIALIZED (SELECT * FROM ledger_debits(NULL, NULL, NULL, NULL)),
     valued AS MATERIALIZED (SELECT * FROM ledger_debits(NULL, NULL, NULL, 'infinity'))
(SELECT 'prove_value_dates' AS proof, a.code, a.currency, COALESCE(b.debit_minor, 0) AS by_business_date_minor,
        COALESCE(v.debit_minor, 0) AS by_value_date_minor
 FROM booked AS b FULL JOIN valued AS v ON v.account_id = b.account_id
 LEFT JOIN ledger_account AS a ON a.id = COALESCE(b.account_id, v.account_id)
 WHERE COALESCE(b.debit_minor, 0) <> COALESCE(v.debit_minor, 0) LIMIT 20)
UNION ALL
(SELECT 'prove_trial_balance', NULL, a.currency, sum(b.debit_minor)::bigint, NULL
 FROM booked AS b LEFT JOIN ledger_account AS a ON a.id = b.account_id
 GROUP BY a.currency HAVING sum(b.debit_minor) <> 0 LIMIT 20)

-- name: prove_reads_touched
-- The same without a look at every seller: of the platform's accounts, and of those that new lines touch. What the
-- other sellers have is stored, and counts in the trial balance as it is.
WITH read AS MATERIALIZED (
    SELECT COALESCE(array_agg(a.id), '{}') AS accounts
    FROM (SELECT id FROM ledger_account WHERE NOT guarded UNION SELECT l.account_id FROM {lines} AS l) AS a(id)
), booked AS MATERIALIZED (SELECT * FROM ledger_debits((SELECT accounts FROM read), NULL, NULL, NULL)),
     valued AS MATERIALIZED (SELECT * FROM ledger_debits((SELECT accounts FROM read), NULL, NULL, 'infinity'))
(SELECT 'prove_value_dates' AS proof, a.code, a.currency, COALESCE(b.debit_minor, 0) AS by_business_date_minor,
        COALESCE(v.debit_minor, 0) AS by_value_date_minor
 FROM booked AS b FULL JOIN valued AS v ON v.account_id = b.account_id
 LEFT JOIN ledger_account AS a ON a.id = COALESCE(b.account_id, v.account_id)
 WHERE COALESCE(b.debit_minor, 0) <> COALESCE(v.debit_minor, 0) LIMIT 20)
UNION ALL
(SELECT 'prove_trial_balance', NULL, t.currency, sum(t.debit_minor)::bigint, NULL
 FROM (SELECT a.currency, b.debit_minor FROM booked AS b JOIN ledger_account AS a ON a.id = b.account_id AND NOT a.guarded
       UNION ALL SELECT s.currency, s.sign * s.balance_minor FROM ledger_balance AS s) AS t
 GROUP BY t.currency HAVING sum(t.debit_minor) <> 0 LIMIT 20)

-- name: prove_balances_touched
-- The stored balances of the sellers that new lines touch are those that their lines make.
SELECT a.code, a.currency, d.debit_minor AS read_minor,
       CASE WHEN a.type IN ('asset', 'expense') THEN b.balance_minor ELSE -b.balance_minor END AS stored_minor
FROM ledger_debits((SELECT COALESCE(array_agg(DISTINCT l.account_id), '{}') FROM {lines} AS l), NULL, NULL, NULL) AS d
JOIN ledger_account AS a ON a.id = d.account_id AND a.guarded
LEFT JOIN ledger_balance AS b ON b.account_id = a.id
WHERE d.debit_minor IS DISTINCT FROM
      CASE WHEN a.type IN ('asset', 'expense') THEN b.balance_minor ELSE -b.balance_minor END
LIMIT 20

-- name: prove_chain
-- On a guarded account each line carries the balance before it plus itself, from zero on.
-- (Materialised, or the planner would look for the first twenty, and read every line by its key to find none.)
WITH broken AS MATERIALIZED (
    SELECT c.account_id, c.id AS line_id, c.balance_after_minor AS said_minor, c.before + c.step AS should_minor
    FROM (SELECT l.account_id, l.id, l.balance_after_minor, b.sign * l.amount_minor AS step,
                 lag(l.balance_after_minor, 1, 0::bigint) OVER (PARTITION BY l.account_id ORDER BY l.id) AS before
          FROM ledger_journalline AS l JOIN ledger_balance AS b ON b.account_id = l.account_id) AS c
    WHERE c.before + c.step IS DISTINCT FROM c.balance_after_minor OR c.balance_after_minor < 0
)
SELECT * FROM broken LIMIT 20

-- name: prove_chain_new
-- The same of new lines, wherever the account stood before them: the last carries what is stored.
SELECT c.account_id, c.id AS line_id, c.balance_after_minor AS said_minor, c.before + c.step AS should_minor,
       c.stored AS stored_minor
FROM (SELECT l.account_id, l.id, l.balance_after_minor, b.balance_minor AS stored, b.sign * l.amount_minor AS step,
             lag(l.balance_after_minor) OVER chain AS before, lead(l.id) OVER chain IS NULL AS last
      FROM {lines} AS l JOIN ledger_balance AS b ON b.account_id = l.account_id
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
JOIN ledger_journalline AS l ON l.account_id = touched.account_id AND l.item = touched.item
LEFT JOIN ledger_hold AS h ON h.account_id = touched.account_id AND h.item = touched.item
GROUP BY a.code, a.currency, l.item, h.held_minor
HAVING h.held_minor IS DISTINCT FROM
       sum(CASE WHEN a.type IN ('asset', 'expense') THEN l.amount_minor ELSE -l.amount_minor END)
LIMIT 20

-- name: prove_references_unique
WITH repeated AS MATERIALIZED (
    SELECT recipe, reference, count(*) AS times FROM ledger_journalentry
    WHERE id > %(entry_floor)s AND txid >= %(txid)s
    GROUP BY recipe, reference HAVING count(*) > 1
)
SELECT * FROM repeated LIMIT 20

-- name: prove_hashes
-- Each entry is hashed once, for its seal and for its closed day: each seal continues the one before with the entries as
-- they stand, and so does each closed day. `proof` says which of the two is broken.
WITH seals AS MATERIALIZED (
    SELECT s.*, row_number() OVER chain AS number,
           lag(s.hash, 1, decode(repeat('00', 32), 'hex')) OVER chain AS before
    FROM ledger_seal AS s WINDOW chain AS (ORDER BY s.id)
), days AS MATERIALIZED (
    SELECT d.*, row_number() OVER ordered AS number, lag(d.digest, 1, '') OVER ordered AS before
    FROM ledger_closedday AS d WINDOW ordered AS (ORDER BY d.business_date)
), hashed AS MATERIALIZED (
    SELECT e.id, ledger_entry_hash(e) AS hash,
           width_bucket(e.txid, ARRAY(SELECT txid FROM seals ORDER BY number)) + 1 AS seal,
           width_bucket(e.business_date - 1, ARRAY(SELECT business_date FROM days ORDER BY number)) + 1 AS day
    FROM ledger_journalentry AS e
), sealed AS (
    SELECT r.seal, sum(r.entries) AS entries, string_agg(r.hash, ''::bytea ORDER BY r.run) AS hashes
    FROM (SELECT h.seal, h.id / 4096 AS run, count(*) AS entries, sha256(string_agg(h.hash, ''::bytea ORDER BY h.id)) AS hash
          FROM hashed AS h GROUP BY h.seal, h.id / 4096) AS r
    GROUP BY r.seal
), closed AS (
    SELECT h.day, count(*) AS entries, string_agg(h.hash, ''::bytea ORDER BY h.id) AS hashes FROM hashed AS h GROUP BY h.day
)
(SELECT 'prove_seals' AS proof, s.id::text AS of, encode(s.hash, 'hex') AS kept, encode(f.hash, 'hex') AS found
 FROM seals AS s LEFT JOIN sealed AS t ON t.seal = s.number,
      LATERAL (SELECT sha256(s.before || COALESCE(t.hashes, ''::bytea)) AS hash) AS f
 WHERE f.hash <> s.hash OR COALESCE(t.entries, 0) <> s.entries OR s.previous_hash <> s.before LIMIT 20)
UNION ALL
(SELECT 'prove_closed_days', d.business_date::text, d.digest, f.digest
 FROM days AS d LEFT JOIN closed AS t ON t.day = d.number,
      LATERAL (SELECT encode(sha256(convert_to(d.before, 'UTF8') || COALESCE(t.hashes, ''::bytea)), 'hex') AS digest) AS f
 WHERE f.digest <> d.digest OR COALESCE(t.entries, 0) <> d.entries LIMIT 20)

-- name: prove_seals
-- Each seal continues the one before, and its hash is that of the entries as they stand.
SELECT s.id AS seal_id, s.sealed_at, encode(s.hash, 'hex') AS sealed, encode(h.hash, 'hex') AS found
FROM (SELECT *, lag(entry_floor, 1, 0::bigint) OVER chain AS from_entry, lag(txid, 1, 0::bigint) OVER chain AS from_txid,
             lag(hash, 1, decode(repeat('00', 32), 'hex')) OVER chain AS before
      FROM ledger_seal WHERE id >= %(seal_id)s WINDOW chain AS (ORDER BY id)) AS s,
     LATERAL ledger_hash_of(s.before, s.from_entry, s.from_txid, s.txid) AS h
WHERE s.id > %(seal_id)s AND (h.hash <> s.hash OR h.entries <> s.entries OR s.previous_hash <> s.before)
LIMIT 20

-- name: prove_closed_days
-- Each closed day's digest continues the one before, over the entries as they stand.
SELECT d.business_date, d.digest AS sealed, f.digest AS found
FROM (SELECT *, lag(business_date) OVER days AS after, lag(digest, 1, '') OVER days AS before
      FROM ledger_closedday WINDOW days AS (ORDER BY business_date)) AS d,
     LATERAL ledger_digest_of_days(d.after, d.business_date, d.before) AS f
WHERE d.closed_at >= %(proved_at)s AND (f.digest <> d.digest OR f.entries <> d.entries)
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

-- name: prove_functions
SELECT wanted.name FROM unnest(%(functions)s::text[]) AS wanted(name)
WHERE NOT EXISTS (SELECT 1 FROM pg_proc AS p WHERE p.proname = wanted.name AND p.pronamespace = 'public'::regnamespace)

-- name: count_entries
SELECT count(*) AS entries FROM ledger_journalentry WHERE id > %(entry_floor)s AND txid >= %(txid)s

-- name: prove_head
-- A head that was exported earlier is still a link of the chain.
SELECT %(hash)s AS exported WHERE NOT EXISTS (
    SELECT 1 FROM ledger_seal WHERE id = %(seal_id)s AND hash = decode(%(hash)s, 'hex'))
