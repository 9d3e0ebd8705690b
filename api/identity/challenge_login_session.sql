UPDATE gateway.login_session SET challenge = %(challenge)s WHERE token_hash = %(token_hash)s
