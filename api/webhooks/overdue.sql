-- Lanes that have been due for a while and have no job, as after a job that broke.
SELECT DISTINCT d.endpoint_id::text, d.lane
FROM gateway.webhook_delivery d JOIN gateway.webhook_endpoint e USING (endpoint_id)
WHERE d.status = 'pending' AND d.next_attempt_at < %(before)s AND e.disabled_at IS NULL AND e.deleted_at IS NULL
    AND NOT EXISTS (SELECT FROM jobs.procrastinate_jobs j
        WHERE j.queueing_lock = d.endpoint_id || '/' || d.lane AND j.status = 'todo')
    AND NOT EXISTS (SELECT FROM jobs.procrastinate_jobs j
        WHERE j.lock = d.endpoint_id || '/' || d.lane AND j.status = 'doing')
LIMIT 10000
