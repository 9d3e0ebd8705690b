-- Jobs that dead workers were at: taken from them, and the lanes that they were about.
DELETE FROM jobs.procrastinate_jobs j
WHERE j.queue_name = 'webhooks' AND j.status = 'doing' AND NOT EXISTS (
    SELECT FROM jobs.procrastinate_workers w
    WHERE w.id = j.worker_id AND w.last_heartbeat >= clock_timestamp() - %(stalled)s::interval)
RETURNING j.args ->> 'endpoint_id', j.args ->> 'lane'
