-- How providers and payments do, for people who watch over them.

-- name: provider_calls
-- What became of the calls to each provider since a moment.
SELECT psp,
       count(*) FILTER (WHERE outcome <> 'not_sent') AS calls,
       count(*) FILTER (WHERE outcome = 'unknown') AS unanswered,
       count(*) FILTER (WHERE outcome = 'not_sent') AS not_sent,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY took_ms) FILTER (WHERE outcome <> 'not_sent') AS p50_ms,
       percentile_disc(0.95) WITHIN GROUP (ORDER BY took_ms) FILTER (WHERE outcome <> 'not_sent') AS p95_ms,
       max(sent_at) FILTER (WHERE outcome IN ('succeeded', 'declined')) AS last_answer
FROM payments_providercall
WHERE sent_at > %(since)s AND sent_at <= %(until)s
GROUP BY psp

-- name: passed_on
-- How many attempts went from each provider to another one since a moment.
SELECT psp, count(*) AS attempts
FROM payments_attempt
WHERE state = 'not_sent' AND state_since > %(since)s AND state_since <= %(until)s
GROUP BY psp

-- name: ended_attempts
-- How the attempts ended that ended in [since, until), day by day. Accepted is what was reserved or paid. A page that ran
-- out, or was closed, after a card was refused on it was declined; one on which nobody tried was left. Only a code says that
-- a card was refused: other texts are what the provider did not answer once. Shops are looked up only where they are asked for.
-- The span is read in slices, of each at most as many attempts as are asked for, the first ones: a sample whose price does
-- not grow with trade. Each slice is found by the index attempt_ended.
WITH ended AS (
    SELECT attempt.checkout_id,
           (attempt.state_since AT TIME ZONE 'UTC')::date AS day,
           attempt.psp,
           attempt.currency,
           attempt.state IN ('succeeded', 'authorized') OR attempt.authorized_until IS NOT NULL AS accepted,
           attempt.state = 'declined' AS refused,
           CASE WHEN attempt.declined_as <> '' THEN attempt.declined_as
                WHEN attempt.last_error ~ '^[a-z][a-z0-9_]*$' THEN attempt.last_error
                ELSE '' END AS code
    FROM generate_series(%(since)s::timestamptz, %(until)s::timestamptz, %(slice)s::interval) AS slice (begins)
    CROSS JOIN LATERAL (
        SELECT one.checkout_id, one.state, one.state_since, one.psp, one.currency, one.authorized_until, one.declined_as,
               one.last_error
        FROM payments_attempt AS one
        WHERE one.state IN ('succeeded', 'authorized', 'declined', 'expired', 'canceled')
          AND one.state_since >= slice.begins
          AND one.state_since < LEAST(slice.begins + %(slice)s::interval, %(until)s::timestamptz)
        ORDER BY one.state_since LIMIT %(most)s::integer) AS attempt
), told AS (
    SELECT ended.day, ended.psp, ended.currency, coalesce(checkout.storefront_id, '') AS storefront,
           CASE WHEN accepted THEN 'accepted'
                WHEN code = 'risk_rejected' THEN 'kept_out'
                WHEN refused OR code <> '' THEN 'declined'
                ELSE 'left' END AS fate,
           CASE WHEN accepted THEN '' ELSE code END AS code
    FROM ended LEFT JOIN payments_checkout AS checkout ON %(shops)s AND checkout.id = ended.checkout_id
)
SELECT day, psp, currency, storefront, fate, code, count(*) AS attempts
FROM told
GROUP BY day, psp, currency, storefront, fate, code
