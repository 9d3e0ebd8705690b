DELETE FROM gateway.webhook_secret WHERE endpoint_id = %(endpoint_id)s AND expires_at <= %(now)s
