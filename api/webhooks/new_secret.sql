INSERT INTO gateway.webhook_secret (endpoint_id, secret_id, sealed, created_at)
VALUES (%(endpoint_id)s, %(secret_id)s, %(sealed)s, %(now)s)
