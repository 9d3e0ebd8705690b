-- Deliveries of an endpoint, newest first, each with its last attempts.
SELECT d.delivery_id::text, d.event_id, d.event_type, d.status, d.created_at, d.next_attempt_at, d.finished_at, d.attempts,
    coalesce((
        SELECT jsonb_agg(jsonb_build_object('number', a.number, 'at', a.at, 'latency_ms', a.latency_ms,
            'status_code', a.status_code, 'error', a.error, 'response_excerpt', a.excerpt) ORDER BY a.number)
        FROM (SELECT * FROM gateway.webhook_attempt WHERE delivery_id = d.delivery_id ORDER BY number DESC LIMIT 20) AS a
    ), '[]') AS attempt_log
FROM gateway.webhook_delivery d
WHERE d.endpoint_id = %(endpoint_id)s AND (%(status)s::text IS NULL OR d.status = %(status)s)
    AND (%(event_type)s::text IS NULL OR d.event_type = %(event_type)s)
    AND (%(before)s::uuid IS NULL OR d.delivery_id < %(before)s::uuid)
ORDER BY d.delivery_id DESC LIMIT %(limit)s
