UPDATE gateway.webhook_endpoint SET disabled_at = %(now)s, disabled_reason = %(reason)s
WHERE endpoint_id = %(endpoint_id)s AND disabled_at IS NULL AND deleted_at IS NULL
