-- name: copy_lines
COPY reconciliation_statementline (statement_id, line_no, transaction_ref, category, source_ref, currency,
    gross_minor, fee_minor, net_minor, created_at, available_on, description) FROM STDIN

-- name: control_totals
SELECT currency, sum(net_minor)::bigint AS net_minor, count(*) AS lines
FROM reconciliation_statementline WHERE statement_id = %(statement)s GROUP BY currency ORDER BY currency

-- The rules, in order; each takes only lines that have no current disposition yet.
-- name: dispose_superseded
-- A movement that an earlier statement showed already, the same to the cent.
INSERT INTO reconciliation_disposition (line_id, kind, rule, current, decided_at)
SELECT line.id, 'superseded', 'same movement on an earlier statement', true, %(now)s
FROM reconciliation_statementline AS line
WHERE line.statement_id = %(statement)s AND NOT EXISTS (
    SELECT 1 FROM reconciliation_disposition AS d WHERE d.line_id = line.id AND d.current)
  AND EXISTS (
    SELECT 1 FROM reconciliation_statementline AS earlier
    WHERE earlier.transaction_ref = line.transaction_ref AND earlier.statement_id < line.statement_id
      AND (earlier.source_ref, earlier.currency, earlier.gross_minor, earlier.fee_minor)
        = (line.source_ref, line.currency, line.gross_minor, line.fee_minor))

-- name: dispose_duplicates
-- A movement that the same statement, or with other amounts an earlier one, shows already.
INSERT INTO reconciliation_disposition (line_id, kind, rule, current, decided_at)
SELECT line.id, 'discrepancy', 'movement twice', true, %(now)s
FROM reconciliation_statementline AS line
WHERE line.statement_id = %(statement)s AND NOT EXISTS (
    SELECT 1 FROM reconciliation_disposition AS d WHERE d.line_id = line.id AND d.current)
  AND EXISTS (
    SELECT 1 FROM reconciliation_statementline AS earlier
    WHERE earlier.transaction_ref = line.transaction_ref AND earlier.id < line.id)

-- name: dispose_matched
-- All movements of a provider's object together are what the books have on the clearing account for it.
INSERT INTO reconciliation_disposition (line_id, kind, rule, current, decided_at)
SELECT line.id, 'matched', 'provider object, net amount', true, %(now)s
FROM reconciliation_statementline AS line
JOIN reconciliation_live_line AS live
  ON live.psp = %(psp)s AND live.source_ref = line.source_ref AND live.currency = line.currency
JOIN ledger_clearing_item AS booked
  ON booked.psp = %(psp)s AND booked.item = line.source_ref AND booked.currency = line.currency
WHERE line.statement_id = %(statement)s AND booked.net_minor = live.net_minor
  AND booked.fee_minor = live.fee_minor AND NOT EXISTS (
    SELECT 1 FROM reconciliation_disposition AS d WHERE d.line_id = line.id AND d.current)

-- name: dispose_discrepant
-- The books have the object with other amounts. Where they have it only in other currencies and without a fee, an
-- exchange may be missing that is booked when the provider has told rate and fee: it waits as what is not there at all.
INSERT INTO reconciliation_disposition (line_id, kind, rule, current, decided_at)
SELECT line.id, 'discrepancy', 'provider object, other amount', true, %(now)s
FROM reconciliation_statementline AS line
WHERE line.statement_id = %(statement)s AND NOT EXISTS (
    SELECT 1 FROM reconciliation_disposition AS d WHERE d.line_id = line.id AND d.current)
  AND EXISTS (SELECT 1 FROM ledger_clearing_item AS booked
              WHERE booked.psp = %(psp)s AND booked.item = line.source_ref
                AND (booked.currency = line.currency OR booked.fee_minor <> 0 OR line.created_at <= %(due_before)s))

-- name: dispose_timing
-- The books do not have the object in this currency, and it is so young that they may still get it.
INSERT INTO reconciliation_disposition (line_id, kind, rule, current, decided_at)
SELECT line.id, 'timing', 'not yet due in the books', true, %(now)s
FROM reconciliation_statementline AS line
WHERE line.statement_id = %(statement)s AND line.created_at > %(due_before)s AND NOT EXISTS (
    SELECT 1 FROM reconciliation_disposition AS d WHERE d.line_id = line.id AND d.current)

-- name: dispose_missing
INSERT INTO reconciliation_disposition (line_id, kind, rule, current, decided_at)
SELECT line.id, 'discrepancy', 'not in the books', true, %(now)s
FROM reconciliation_statementline AS line
WHERE line.statement_id = %(statement)s AND NOT EXISTS (
    SELECT 1 FROM reconciliation_disposition AS d WHERE d.line_id = line.id AND d.current)

-- name: reopen_timing
-- Timing is a waiting room: each run asks again.
UPDATE reconciliation_disposition AS d SET current = false
FROM reconciliation_statementline AS line
WHERE d.line_id = line.id AND line.statement_id = %(statement)s AND d.current AND d.kind = 'timing'

-- name: discrepant_lines
SELECT line.id, line.source_ref, line.transaction_ref, line.category, line.currency, line.net_minor, line.fee_minor,
       d.rule, booked.net_minor AS booked_net_minor, booked.fee_minor AS booked_fee_minor,
       booked.currency AS booked_currency
FROM reconciliation_statementline AS line
JOIN reconciliation_disposition AS d ON d.line_id = line.id AND d.current AND d.kind = 'discrepancy'
-- In the line's currency if there is any; of others, rather one in which something is open.
LEFT JOIN LATERAL (
    SELECT * FROM ledger_clearing_item AS one WHERE one.psp = %(psp)s AND one.item = line.source_ref
    ORDER BY one.currency <> line.currency, one.net_minor = 0, one.currency LIMIT 1) AS booked ON true
WHERE line.statement_id = %(statement)s
ORDER BY line.line_no

-- name: not_on_statements
-- What the books have on the clearing account and no statement has shown.
SELECT booked.item, booked.currency, booked.net_minor, booked.since, booked.subject
FROM ledger_clearing_item AS booked
WHERE booked.psp = %(psp)s AND booked.net_minor <> 0 AND booked.since < %(before)s AND NOT EXISTS (
    SELECT 1 FROM reconciliation_statementline AS line WHERE line.source_ref = booked.item)
ORDER BY booked.since

-- name: unexplained
-- By object: the books less the statements, where neither agreement nor a named reason explains the difference.
SELECT COALESCE(booked.currency, live.currency) AS currency,
       COALESCE(sum(abs(COALESCE(booked.net_minor, 0) - COALESCE(live.net_minor, 0))), 0)::bigint AS minor
FROM (SELECT * FROM ledger_clearing_item WHERE psp = %(psp)s) AS booked
FULL JOIN (SELECT * FROM reconciliation_live_line WHERE psp = %(psp)s) AS live
  ON live.source_ref = booked.item AND live.currency = booked.currency
WHERE COALESCE(booked.net_minor, 0) <> COALESCE(live.net_minor, 0)
  AND NOT (live.source_ref IS NULL AND booked.since >= %(due_before)s)
  AND NOT EXISTS (
    SELECT 1 FROM reconciliation_discrepancy AS d WHERE d.reference = COALESCE(booked.item, live.source_ref))
  AND NOT EXISTS (
    SELECT 1 FROM reconciliation_statementline AS line
    JOIN reconciliation_disposition AS d ON d.line_id = line.id AND d.current AND d.kind = 'timing'
    WHERE line.source_ref = live.source_ref)
GROUP BY 1

-- name: unexplained_since
-- The same, where a close of day found nothing unexplained: only of objects that moved since, that were too young then,
-- or that stand on statements which no close has covered. All of the others were looked at, and are as they were.
WITH candidates AS (
    SELECT moved.item FROM ledger_clearing_moved(%(psp)s, %(since)s) AS moved WHERE moved.item <> ''
    UNION
    SELECT line.source_ref FROM reconciliation_statementline AS line
    JOIN reconciliation_statement AS statement ON statement.id = line.statement_id
    WHERE statement.psp = %(psp)s AND statement.state <> 'closed'
)
SELECT o.currency, sum(abs(o.booked_minor - o.live_minor))::bigint AS minor
FROM candidates AS c,
     LATERAL (
        SELECT COALESCE(booked.currency, live.currency) AS currency, booked.since, live.currency IS NOT NULL AS shown,
               COALESCE(booked.net_minor, 0) AS booked_minor, COALESCE(live.net_minor, 0) AS live_minor
        FROM ledger_clearing_of(%(psp)s, c.item) AS booked
        FULL JOIN
             -- Every movement once, however many statements show it: as the first of them does.
             (SELECT line.currency, sum(line.net_minor)::bigint AS net_minor FROM reconciliation_statementline AS line
              JOIN reconciliation_statement AS statement ON statement.id = line.statement_id
              WHERE line.source_ref = c.item AND statement.psp = %(psp)s AND NOT EXISTS (
                 SELECT 1 FROM reconciliation_statementline AS earlier
                 JOIN reconciliation_statement AS its ON its.id = earlier.statement_id
                 WHERE earlier.transaction_ref = line.transaction_ref AND earlier.id < line.id AND its.psp = %(psp)s)
              GROUP BY line.currency) AS live ON live.currency = booked.currency) AS o
WHERE o.booked_minor <> o.live_minor AND (o.shown OR o.since < %(due_before)s)
  AND NOT EXISTS (SELECT 1 FROM reconciliation_discrepancy AS d WHERE d.reference = c.item)
  AND NOT EXISTS (
    SELECT 1 FROM reconciliation_statementline AS line
    JOIN reconciliation_disposition AS d ON d.line_id = line.id AND d.current AND d.kind = 'timing'
    WHERE o.shown AND line.source_ref = c.item)
GROUP BY 1

-- name: dispositions
SELECT d.kind, line.currency, count(*) AS lines, sum(line.net_minor)::bigint AS net_minor
FROM reconciliation_statementline AS line
JOIN reconciliation_disposition AS d ON d.line_id = line.id AND d.current
WHERE line.statement_id = %(statement)s
GROUP BY d.kind, line.currency ORDER BY d.kind, line.currency

-- name: lines_reconciled
SELECT count(*) AS lines FROM reconciliation_statementline AS line
JOIN reconciliation_disposition AS d ON d.line_id = line.id AND d.current AND d.kind = 'matched'
WHERE %(sources)s::text[] IS NULL OR line.source_ref = ANY(%(sources)s::text[])
