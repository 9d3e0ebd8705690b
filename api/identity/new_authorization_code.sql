INSERT INTO gateway.authorization_code (code_hash, client_id, subject, redirect_uri, code_challenge, scopes, session_id,
    issued_at, expires_at)
VALUES (%(code_hash)s, %(client_id)s, %(subject)s, %(redirect_uri)s, %(code_challenge)s, %(scopes)s, %(session_id)s,
    %(at)s, %(expires_at)s)
