INSERT INTO gateway.refresh_token (token_hash, session_id, issued_at, expires_at)
VALUES (%(token_hash)s, %(session_id)s, %(at)s, %(expires_at)s)
