INSERT INTO gateway.client_assertion (client_id, jti, expires_at) VALUES (%(client_id)s, %(jti)s, %(expires_at)s)
ON CONFLICT DO NOTHING
