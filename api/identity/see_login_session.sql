UPDATE gateway.login_session SET last_seen_at = %(at)s WHERE token_hash = %(token_hash)s
