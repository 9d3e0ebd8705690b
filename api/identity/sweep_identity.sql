WITH codes AS (DELETE FROM gateway.authorization_code WHERE expires_at < %(ended)s),
    sessions AS (DELETE FROM gateway.token_session WHERE expires_at < %(ended)s),
    assertions AS (DELETE FROM gateway.client_assertion WHERE expires_at < %(ended)s)
DELETE FROM gateway.revoked_token WHERE expires_at < %(ended)s
