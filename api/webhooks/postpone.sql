UPDATE gateway.webhook_delivery SET next_attempt_at = %(at)s WHERE delivery_id = %(delivery_id)s AND status = 'pending'
