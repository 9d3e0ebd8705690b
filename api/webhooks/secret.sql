SELECT sealed FROM gateway.webhook_secret WHERE endpoint_id = %(endpoint_id)s AND secret_id = %(secret_id)s
