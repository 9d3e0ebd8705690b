UPDATE gateway.webhook_secret SET expires_at = %(expires_at)s WHERE endpoint_id = %(endpoint_id)s AND expires_at IS NULL
