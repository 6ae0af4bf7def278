-- Reports read lines by their business date, always within a range: the journal is partitioned by it.

-- name: books_span
SELECT min(business_date) AS first, max(business_date) AS last FROM ledger_journalentry

-- name: statement_lines
SELECT l.id AS line_id, l.entry_id, l.amount_minor, l.item, l.business_date, l.value_date, l.recorded_at,
       e.recipe, e.reference, e.subject,
       ARRAY(SELECT b.code FROM ledger_journalline AS c JOIN ledger_account AS b ON b.id = c.account_id
             WHERE c.entry_id = l.entry_id AND c.business_date = l.business_date AND c.currency = l.currency
               AND c.business_date BETWEEN %(first)s AND %(last)s AND (c.amount_minor > 0) <> (l.amount_minor > 0)
             GROUP BY b.code ORDER BY min(c.position)) AS counterparts
FROM ledger_journalline AS l
JOIN ledger_account AS a ON a.id = l.account_id
JOIN ledger_journalentry AS e ON e.id = l.entry_id
WHERE a.code = %(code)s AND a.currency = %(currency)s AND l.business_date BETWEEN %(first)s AND %(last)s
ORDER BY l.business_date, l.id LIMIT %(limit)s

-- name: count_statement_lines
SELECT count(*) AS lines
FROM ledger_journalline AS l JOIN ledger_account AS a ON a.id = l.account_id
WHERE a.code = %(code)s AND a.currency = %(currency)s AND l.business_date BETWEEN %(first)s AND %(last)s

-- name: general_ledger
-- Sorted first, and only then looked up from line to line: what is sorted stays narrow.
SELECT l.*, e.recipe, e.reference, e.subject,
       ARRAY(SELECT b.code FROM ledger_journalline AS c JOIN ledger_account AS b ON b.id = c.account_id
             WHERE c.entry_id = l.entry_id AND c.business_date = l.business_date AND c.currency = l.currency
               AND c.business_date BETWEEN %(first)s AND %(last)s AND (c.amount_minor > 0) <> (l.amount_minor > 0)
             GROUP BY b.code ORDER BY min(c.position)) AS counterparts
FROM (SELECT a.code COLLATE "C" AS code, a.currency COLLATE "C" AS currency, l.id AS line_id, l.entry_id, l.amount_minor,
             l.item, l.business_date, l.value_date, l.recorded_at
      FROM ledger_journalline AS l JOIN ledger_account AS a ON a.id = l.account_id
      WHERE {chosen} AND l.business_date BETWEEN %(first)s AND %(last)s
      ORDER BY 2, 1, l.business_date, l.id OFFSET 0) AS l,
     LATERAL (SELECT e.recipe, e.reference, e.subject FROM ledger_journalentry AS e WHERE e.id = l.entry_id OFFSET 0) AS e
ORDER BY l.currency, l.code, l.business_date, l.line_id

-- name: chosen
(%(currency)s::text IS NULL OR a.currency = %(currency)s) AND (%(type)s::text IS NULL OR a.type = %(type)s)
AND (%(under)s::text IS NULL OR a.code = %(under)s::text OR starts_with(a.code, %(under)s::text || ':'))

-- name: any_chosen
SELECT 1 AS found FROM ledger_account AS a WHERE {chosen} LIMIT 1

-- name: general_ledger_accounts
SELECT a.id, a.code, a.currency, a.type,
       EXISTS (SELECT 1 FROM ledger_journalline AS l
               WHERE l.account_id = a.id AND l.business_date BETWEEN %(first)s AND %(last)s) AS moved
FROM ledger_account AS a WHERE {chosen}
ORDER BY a.currency COLLATE "C", a.code COLLATE "C"

-- name: general_ledger_page
-- The lines of some accounts, in the order given; of the first one, those after a place.
SELECT l.*, e.recipe, e.reference, e.subject,
       ARRAY(SELECT b.code FROM ledger_journalline AS c JOIN ledger_account AS b ON b.id = c.account_id
             WHERE c.entry_id = l.entry_id AND c.business_date = l.business_date AND c.currency = l.currency
               AND c.business_date BETWEEN %(first)s AND %(last)s AND (c.amount_minor > 0) <> (l.amount_minor > 0)
             GROUP BY b.code ORDER BY min(c.position)) AS counterparts
FROM (SELECT w.place, l.*
      FROM unnest(%(accounts)s::bigint[]) WITH ORDINALITY AS w(id, place),
           LATERAL (SELECT l.id AS line_id, l.account_id, l.entry_id, l.amount_minor, l.item, l.currency, l.business_date,
                           l.value_date, l.recorded_at
                    FROM ledger_journalline AS l
                    WHERE l.account_id = w.id AND l.business_date BETWEEN %(first)s AND %(last)s
                      AND (w.place > 1 OR (l.business_date, l.id) > (%(after_day)s, %(after_line)s))
                    ORDER BY l.business_date, l.id LIMIT %(limit)s) AS l
      ORDER BY w.place, l.business_date, l.line_id LIMIT %(limit)s) AS l,
     LATERAL (SELECT e.recipe, e.reference, e.subject FROM ledger_journalentry AS e WHERE e.id = l.entry_id OFFSET 0) AS e
ORDER BY l.place, l.business_date, l.line_id

-- name: moved_on_a_day
-- What moved an account on one day, up to and including one of its lines.
SELECT COALESCE(sum(l.amount_minor), 0)::bigint AS debit_minor
FROM ledger_journalline AS l
WHERE l.account_id = %(account)s AND l.business_date = %(day)s AND l.id <= %(line)s

-- name: journal
SELECT e.id, e.recipe, e.reference, e.subject, e.description, e.actor, e.business_date, e.value_date, e.recorded_at,
       l.position, l.currency, l.amount_minor, l.item, a.code, a.type
FROM ledger_journalline AS l
JOIN ledger_journalentry AS e ON e.id = l.entry_id
JOIN ledger_account AS a ON a.id = l.account_id
WHERE l.business_date BETWEEN %(first)s AND %(last)s AND e.business_date BETWEEN %(first)s AND %(last)s
ORDER BY e.business_date, e.id, l.position

-- name: seller_movements
SELECT e.recipe, count(DISTINCT l.entry_id) AS entries,
       COALESCE(sum(l.amount_minor) FILTER (WHERE a.code = %(pending)s), 0)::bigint AS pending,
       COALESCE(sum(l.amount_minor) FILTER (WHERE a.code = %(available)s), 0)::bigint AS available,
       COALESCE(sum(l.amount_minor) FILTER (WHERE a.code = %(reserved)s), 0)::bigint AS reserved,
       COALESCE(sum(l.amount_minor) FILTER (WHERE a.code = %(receivable)s), 0)::bigint AS receivable
FROM ledger_journalline AS l
JOIN ledger_account AS a ON a.id = l.account_id
JOIN ledger_journalentry AS e ON e.id = l.entry_id
WHERE a.code IN (%(pending)s, %(available)s, %(reserved)s, %(receivable)s) AND a.currency = %(currency)s
  AND l.business_date BETWEEN %(first)s AND %(last)s
GROUP BY e.recipe ORDER BY min(l.entry_id)

-- name: explain_items
-- An account's open items: lines of one item that do not cancel out. With oldest_first, items on the other side
-- of the balance (a payout takes no single sale's money) are first taken from the oldest items on its own side.
WITH items AS MATERIALIZED (
    SELECT l.item, sum(l.amount_minor)::bigint AS net, min(l.recorded_at) AS since,
           (array_agg(e.subject ORDER BY l.id))[1] AS subject
    FROM ledger_journalline AS l
    JOIN ledger_account AS a ON a.id = l.account_id
    JOIN ledger_journalentry AS e ON e.id = l.entry_id
    WHERE a.code = %(code)s AND a.currency = %(currency)s AND l.business_date BETWEEN %(first)s AND %(last)s
    GROUP BY l.item HAVING sum(l.amount_minor) <> 0
), side AS (
    SELECT COALESCE(sign(sum(net)), 0)::int AS own,
           CASE WHEN %(oldest_first)s THEN
               COALESCE(sum(abs(net)) FILTER (WHERE sign(net) <> sign((SELECT sum(net) FROM items))), 0) ELSE 0 END AS taken
    FROM items
), running AS (
    SELECT items.*, side.own, side.taken,
           sum(abs(net)) OVER (ORDER BY since, item ROWS UNBOUNDED PRECEDING) AS so_far
    FROM items, side WHERE NOT %(oldest_first)s OR sign(net) = side.own
), remaining AS (
    SELECT item, net, since, subject,
           CASE WHEN %(oldest_first)s THEN own * LEAST(abs(net), so_far - taken) ELSE net END AS left_minor
    FROM running WHERE NOT %(oldest_first)s OR so_far > taken
)
SELECT item, net AS net_minor, left_minor::bigint AS left_minor, since, subject,
       count(*) OVER () AS items, sum(left_minor) OVER ()::bigint AS total_minor
FROM remaining ORDER BY since, item LIMIT %(limit)s

-- name: explain_taken
WITH items AS (
    SELECT sum(l.amount_minor) AS net
    FROM ledger_journalline AS l
    JOIN ledger_account AS a ON a.id = l.account_id
    WHERE a.code = %(code)s AND a.currency = %(currency)s AND l.business_date BETWEEN %(first)s AND %(last)s
    GROUP BY l.item HAVING sum(l.amount_minor) <> 0
)
SELECT count(*) AS items, COALESCE(sum(net), 0)::bigint AS taken_minor
FROM items WHERE sign(net) <> sign((SELECT sum(net) FROM items))

-- name: explain_entries
SELECT l.item, e.id AS entry_id, e.recipe, e.reference, l.business_date, l.recorded_at,
       sum(l.amount_minor)::bigint AS amount_minor
FROM ledger_journalline AS l
JOIN ledger_account AS a ON a.id = l.account_id
JOIN ledger_journalentry AS e ON e.id = l.entry_id
WHERE a.code = %(code)s AND a.currency = %(currency)s AND l.item = ANY(%(items)s)
  AND l.business_date BETWEEN %(first)s AND %(last)s
GROUP BY l.item, e.id, l.business_date, l.recorded_at ORDER BY l.business_date, e.id

-- name: explain_months
SELECT date_trunc('month', l.business_date)::date AS month, e.recipe, count(DISTINCT l.entry_id) AS entries,
       sum(l.amount_minor)::bigint AS debit_minor
FROM ledger_journalline AS l
JOIN ledger_account AS a ON a.id = l.account_id
JOIN ledger_journalentry AS e ON e.id = l.entry_id
WHERE a.code = %(code)s AND a.currency = %(currency)s AND l.business_date BETWEEN %(first)s AND %(last)s
GROUP BY month, e.recipe ORDER BY month, e.recipe
