-- Statements of every request and every job, sent by operations/prepared.py: their parameters are $1, $2, …

-- name: living_key
SELECT k.id, k.last_used_at, f.slug, f.name, f.return_origins
FROM operations_apikey AS k JOIN operations_storefront AS f ON f.slug = k.storefront_id
WHERE k.digest = $1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $2)

-- name: take_token
-- $1 client, $2 kind, $3 tokens a second, $4 tokens at once. Tokens are kept in thousandths.
INSERT INTO operations_ratebucket AS bucket (client, kind, millitokens, refused, filled_at)
VALUES ($1, $2, ($4::bigint - 1) * 1000, false, clock_timestamp())
ON CONFLICT (client, kind) DO UPDATE SET
    (millitokens, refused, filled_at) = (
        SELECT CASE WHEN full_ >= 1000 THEN full_ - 1000 ELSE full_ END, full_ < 1000, now_
        FROM (
            SELECT clock_timestamp() AS now_,
                   LEAST($4::bigint * 1000,
                         bucket.millitokens + GREATEST(0, floor(
                             extract(epoch FROM clock_timestamp() - bucket.filled_at) * 1000 * $3::numeric)))::bigint
                   AS full_
        ) AS filled
    )
RETURNING CASE WHEN refused THEN GREATEST(1, ceil((1000 - millitokens) / ($3::numeric * 1000)))::int ELSE 0 END

-- name: claim_key
-- $1 scope, $2 key, $3 fingerprint, $4 subject, $5 lease, $6 now, $7 what is older than this and answered is forgotten.
-- No row: somebody else's, or this client's earlier one.
INSERT INTO operations_idempotencykey AS k (scope, key, fingerprint, subject, lease_until, created_at)
VALUES ($1, $2, $3, $4, clock_timestamp() + $5::interval, $6)
ON CONFLICT (scope, key) DO UPDATE SET fingerprint = EXCLUDED.fingerprint, subject = EXCLUDED.subject,
    lease_until = EXCLUDED.lease_until, created_at = EXCLUDED.created_at, response_status = NULL, response_body = NULL
WHERE k.created_at < $7 AND k.response_status IS NOT NULL
RETURNING k.id

-- name: answer_key
UPDATE operations_idempotencykey SET response_status = $2, response_body = $3::jsonb, lease_until = NULL
WHERE id = $1
RETURNING id

-- name: pulled_switch
SELECT reason FROM operations_stopswitch WHERE name = $1 AND stopped

-- name: enqueue_job
INSERT INTO operations_job (kind, key, args, state, attempts, next_at, last_error, created_at)
VALUES ($1, $2, $3::jsonb, 'todo', 0, $4, '', clock_timestamp())
ON CONFLICT (kind, key) DO NOTHING
RETURNING id

-- name: withdraw_job
UPDATE operations_job SET state = 'done', finished_at = $3, last_error = 'withdrawn: done without it'
WHERE kind = $1 AND key = $2 AND state = 'todo'
RETURNING id

-- name: claim_job
-- $1 id, $2 now, $3 lease. It need not reach the disk: a claim that a crash of the server takes back was never made, and
-- whatever was done under it is written later, so that it cannot outlive the claim.
UPDATE operations_job SET state = 'doing', attempts = attempts + 1, lease_until = clock_timestamp() + $3::interval
WHERE id = (
    SELECT id FROM operations_job
    WHERE id = $1
      AND ((state = 'todo' AND next_at <= $2) OR (state = 'doing' AND lease_until < clock_timestamp()))
    FOR UPDATE SKIP LOCKED
)
RETURNING id, kind, key, args, attempts, created_at, set_config('synchronous_commit', 'off', true)

-- name: next_in_line
-- $1 kind, $2 now, $3 how soon it would look again by itself. As little as a claim need it reach the disk.
UPDATE operations_job SET next_at = LEAST(next_at, $2::timestamptz) WHERE id = (
    SELECT id FROM operations_job
    WHERE state = 'todo' AND next_at <= $2::timestamptz + $3::interval AND kind = $1 AND starts_with(last_error, 'NotBegun:')
    ORDER BY next_at, id LIMIT 1
    FOR UPDATE SKIP LOCKED
)
RETURNING id, set_config('synchronous_commit', 'off', true)

-- name: finish_job
-- $1 id, $2 which attempt, $3 now. It need not reach the disk: taken back by a crash of the server, the job is done once
-- more, which is harmless by its nature.
UPDATE operations_job SET state = 'done', finished_at = $3, last_error = '', lease_until = NULL
WHERE id = $1 AND attempts = $2 AND state = 'doing'
RETURNING id, set_config('synchronous_commit', 'off', true)
