-- What was stored before refunds and disputes kept since when they are where they are.
UPDATE payments_refund AS refund SET state_since = COALESCE((
    SELECT max(at) FROM operations_statechange
    WHERE machine = 'refund' AND subject_id = refund.id), refund.created_at);
UPDATE payments_dispute AS dispute SET state_since = COALESCE((
    SELECT max(at) FROM operations_statechange
    WHERE machine = 'dispute' AND subject_id = dispute.id), dispute.created_at);
-- What waits for the end of the transaction is checked now, so that the tables may be altered after this.
SET CONSTRAINTS ALL IMMEDIATE;
