SELECT subject, expires_at, authenticated_at, methods, last_seen_at FROM gateway.login_session
WHERE token_hash = %(token_hash)s AND ended_at IS NULL AND expires_at > %(at)s AND last_seen_at > %(idle_since)s
