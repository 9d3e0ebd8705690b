SELECT FROM gateway.webhook_endpoint WHERE endpoint_id = %(endpoint_id)s FOR NO KEY UPDATE
