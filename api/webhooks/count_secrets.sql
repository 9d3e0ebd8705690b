SELECT count(*) FROM gateway.webhook_secret WHERE endpoint_id = %(endpoint_id)s
