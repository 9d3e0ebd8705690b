-- The first delivery of a lane that is not done, its endpoint, and the secrets that sign now, newest first.
SELECT d.delivery_id::text, d.event_id, d.event_type, d.body, d.attempts, d.tries, d.next_attempt_at,
    e.url, e.failing_since, e.disabled_at IS NULL AND e.deleted_at IS NULL AS works,
    ARRAY(SELECT s.secret_id::text FROM gateway.webhook_secret s WHERE s.endpoint_id = d.endpoint_id
        AND (s.expires_at IS NULL OR s.expires_at > %(now)s) ORDER BY s.expires_at DESC NULLS FIRST) AS secret_ids,
    ARRAY(SELECT s.sealed FROM gateway.webhook_secret s WHERE s.endpoint_id = d.endpoint_id
        AND (s.expires_at IS NULL OR s.expires_at > %(now)s) ORDER BY s.expires_at DESC NULLS FIRST) AS sealed
FROM gateway.webhook_delivery d JOIN gateway.webhook_endpoint e USING (endpoint_id)
WHERE d.endpoint_id = %(endpoint_id)s AND d.lane = %(lane)s AND d.status = 'pending'
ORDER BY d.position, d.delivery_id LIMIT 1
