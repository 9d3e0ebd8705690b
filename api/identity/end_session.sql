UPDATE gateway.token_session SET revoked_at = %(at)s, revoked_reason = %(reason)s
WHERE session_id = %(session_id)s AND revoked_at IS NULL
