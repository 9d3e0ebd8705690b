UPDATE gateway.login_session SET challenge = NULL FROM (
    SELECT token_hash, challenge FROM gateway.login_session WHERE token_hash = %(token_hash)s FOR UPDATE
) before
WHERE login_session.token_hash = before.token_hash
RETURNING before.challenge
