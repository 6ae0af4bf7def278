-- name: forget_expired_key
DELETE FROM operations_idempotencykey
WHERE scope = %(scope)s AND key = %(key)s AND created_at < %(expired_before)s AND response_status IS NOT NULL

-- name: insert_key
INSERT INTO operations_idempotencykey (scope, key, fingerprint, subject, lease_until, created_at)
VALUES (%(scope)s, %(key)s, %(fingerprint)s, '', clock_timestamp() + %(lease)s, %(now)s)
ON CONFLICT (scope, key) DO NOTHING
RETURNING id

-- name: take_over_key
UPDATE operations_idempotencykey SET lease_until = clock_timestamp() + %(lease)s
WHERE id = %(id)s AND (lease_until IS NULL OR lease_until < clock_timestamp())
RETURNING id

-- name: enqueue_job
INSERT INTO operations_job (kind, key, args, state, attempts, next_at, last_error, created_at)
VALUES (%(kind)s, %(key)s, %(args)s, 'todo', 0, %(next_at)s, '', clock_timestamp())
ON CONFLICT (kind, key) DO NOTHING
RETURNING id

-- name: claim_job
UPDATE operations_job SET state = 'doing', attempts = attempts + 1,
                          lease_until = clock_timestamp() + %(lease)s
WHERE id = (
    SELECT id FROM operations_job
    WHERE id = %(id)s
      AND ((state = 'todo' AND next_at <= %(now)s) OR (state = 'doing' AND lease_until < clock_timestamp()))
    FOR UPDATE SKIP LOCKED
)
RETURNING id, kind, key, args, attempts

-- name: due_jobs
SELECT id FROM operations_job
WHERE (state = 'todo' AND next_at <= %(now)s) OR (state = 'doing' AND lease_until < clock_timestamp())
ORDER BY next_at, id
LIMIT %(limit)s

-- name: open_task
INSERT INTO operations_humantask (kind, subject, waits_for, reason, since, state, closed_by, note)
VALUES (%(kind)s, %(subject)s, %(waits_for)s, %(reason)s, %(now)s, 'open', '', '')
ON CONFLICT (kind, subject) WHERE state = 'open' DO NOTHING
