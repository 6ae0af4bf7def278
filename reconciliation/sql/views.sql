-- What the statements say of each provider object: every movement once, however many statements show it.
CREATE VIEW reconciliation_live_line AS
SELECT source_ref, currency, sum(net_minor)::bigint AS net_minor, sum(fee_minor)::bigint AS fee_minor
FROM (SELECT DISTINCT ON (transaction_ref) * FROM reconciliation_statementline ORDER BY transaction_ref, id) AS once
GROUP BY source_ref, currency;
