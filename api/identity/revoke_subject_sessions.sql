UPDATE gateway.token_session SET revoked_at = %(at)s, revoked_reason = %(reason)s
WHERE subject = %(subject)s AND revoked_at IS NULL
