-- A job for each of these lanes of endpoints that has deliveries pending, due when the first of them is. A lane
-- has one job waiting at most. Where one waits it is locked: a worker that would take it now, and find nothing to
-- do yet, skips it until what this transaction writes can be seen.
INSERT INTO jobs.procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, scheduled_at)
SELECT 'webhooks', 'webhooks.deliver', lane_key, lane_key,
    jsonb_build_object('endpoint_id', endpoint_id, 'lane', lane),
    CASE WHEN due_at > %(now)s THEN due_at END
FROM (
    SELECT wanted.endpoint_id, wanted.lane, wanted.endpoint_id || '/' || wanted.lane AS lane_key, head.next_attempt_at AS due_at
    FROM (SELECT DISTINCT endpoint_id, lane FROM unnest(%(endpoint_ids)s::uuid[], %(lanes)s::text[]) AS each (endpoint_id, lane)) AS wanted
    CROSS JOIN LATERAL (
        SELECT next_attempt_at FROM gateway.webhook_delivery d
        WHERE d.endpoint_id = wanted.endpoint_id AND d.lane = wanted.lane AND d.status = 'pending'
        ORDER BY d.position, d.delivery_id LIMIT 1
    ) AS head
) AS due
ORDER BY lane_key
ON CONFLICT (queueing_lock) WHERE status = 'todo' DO UPDATE SET scheduled_at = excluded.scheduled_at
