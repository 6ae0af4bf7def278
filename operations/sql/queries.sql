-- name: take_over_key
UPDATE operations_idempotencykey SET lease_until = clock_timestamp() + %(lease)s
WHERE id = %(id)s AND (lease_until IS NULL OR lease_until < clock_timestamp())
RETURNING id

-- name: due_jobs
SELECT id FROM operations_job
WHERE (state = 'todo' AND next_at <= %(now)s) OR (state = 'doing' AND lease_until < clock_timestamp())
ORDER BY next_at, id
LIMIT %(limit)s

-- name: open_task
INSERT INTO operations_humantask (kind, subject, item, waits_for, reason, since, state, closed_by, note)
VALUES (%(kind)s, %(subject)s, %(item)s, %(waits_for)s, %(reason)s, %(now)s, 'open', '', '')
ON CONFLICT (kind, subject, item) WHERE state = 'open' DO NOTHING

-- name: forget_buckets
DELETE FROM operations_ratebucket WHERE filled_at < clock_timestamp() - %(full_after)s
