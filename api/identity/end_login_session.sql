-- Who comes first ends it: of two steps at the same time with one cookie, one counts.
UPDATE gateway.login_session SET ended_at = %(at)s WHERE token_hash = %(token_hash)s AND ended_at IS NULL
