UPDATE gateway.login_session SET ended_at = %(at)s
WHERE subject = %(subject)s AND ended_at IS NULL AND token_hash <> %(but)s
