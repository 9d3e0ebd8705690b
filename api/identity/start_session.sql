INSERT INTO gateway.token_session (session_id, client_id, subject, scopes, started_at, expires_at)
VALUES (%(session_id)s, %(client_id)s, %(subject)s, %(scopes)s, %(at)s, %(expires_at)s)
