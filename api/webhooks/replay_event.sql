-- An event that was finished is to be delivered again. Answers its lane; also where it is pending.
UPDATE gateway.webhook_delivery SET status = 'pending', tries = 0, next_attempt_at = %(now)s, finished_at = NULL
WHERE endpoint_id = %(endpoint_id)s AND event_id = %(event_id)s
RETURNING lane
