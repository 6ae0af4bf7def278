-- Statements of every webhook, sent by operations/prepared.py: their parameters are $1, $2, …

-- name: keep_event
-- No row where the event was kept before.
INSERT INTO payments_webhookevent (psp, event_id, type, object_id, account, payload, state, source, waiting_for,
                                   created_at, received_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', $9, $10)
ON CONFLICT (psp, event_id) DO NOTHING
RETURNING id
