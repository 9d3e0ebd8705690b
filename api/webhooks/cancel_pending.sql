UPDATE gateway.webhook_delivery SET status = 'cancelled', next_attempt_at = NULL, finished_at = %(now)s
WHERE endpoint_id = %(endpoint_id)s AND status = 'pending'
