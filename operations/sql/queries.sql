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


-- name: take_token
-- `tokens` are thousandths, and -1 where there was none to take.
INSERT INTO operations_ratebucket AS bucket (client, kind, millitokens, refused, filled_at)
VALUES (%(client)s, %(kind)s, (%(burst)s - 1) * 1000, false, clock_timestamp())
ON CONFLICT (client, kind) DO UPDATE SET
    (millitokens, refused, filled_at) = (
        SELECT CASE WHEN full_ >= 1000 THEN full_ - 1000 ELSE full_ END, full_ < 1000, now_
        FROM (
            SELECT clock_timestamp() AS now_,
                   LEAST(%(burst)s * 1000,
                         bucket.millitokens + GREATEST(0, floor(
                             extract(epoch FROM clock_timestamp() - bucket.filled_at) * 1000 * %(per_second)s)))::bigint
                   AS full_
        ) AS filled
    )
RETURNING CASE WHEN refused THEN GREATEST(1, ceil((1000 - millitokens) / (%(per_second)s * 1000.0)))::int ELSE 0 END
    AS wait_s
