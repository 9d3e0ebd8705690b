INSERT INTO gateway.login_session (token_hash, subject, created_at, last_seen_at, expires_at, authenticated_at, methods)
VALUES (%(token_hash)s, %(subject)s, %(at)s, %(at)s, %(expires_at)s, %(authenticated_at)s, %(methods)s)
