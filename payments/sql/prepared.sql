-- Statements of every webhook, sent by operations/prepared.py: their parameters are $1, $2, …

-- name: keep_event
-- No row where the event was kept before.
INSERT INTO payments_webhookevent (psp, event_id, type, object_id, account, payment_ref, payload, state, source,
                                   waiting_for, created_at, received_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'received', $8, '', $9, $10)
ON CONFLICT (psp, event_id) DO NOTHING
RETURNING id

-- name: keep_ignored_event
-- The same for a kind on which nothing depends, in a transaction of its own, which for that reason need not reach the disk.
INSERT INTO payments_webhookevent (psp, event_id, type, object_id, account, payment_ref, payload, state, source,
                                   waiting_for, created_at, received_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'ignored', $8, '', $9, $10)
ON CONFLICT (psp, event_id) DO NOTHING
RETURNING id, set_config('synchronous_commit', 'off', true)

-- name: handled_event
-- $1 id, $2 when.
UPDATE payments_webhookevent SET state = 'handled', handled_at = $2, waiting_for = ''
WHERE id = $1
RETURNING id
