-- What a provider's statements say of each of its objects: every movement once, however many statements show it.
CREATE VIEW reconciliation_live_line AS
SELECT psp, source_ref, currency, sum(net_minor)::bigint AS net_minor, sum(fee_minor)::bigint AS fee_minor
FROM (SELECT DISTINCT ON (statement.psp, line.transaction_ref) statement.psp, line.*
      FROM reconciliation_statementline AS line
      JOIN reconciliation_statement AS statement ON statement.id = line.statement_id
      ORDER BY statement.psp, line.transaction_ref, line.id) AS once
GROUP BY psp, source_ref, currency;
