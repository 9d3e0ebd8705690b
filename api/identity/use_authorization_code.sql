-- The row is locked before it is read: of two uses at the same time, one is the second.
WITH found AS MATERIALIZED (
    SELECT code_hash, subject, redirect_uri, code_challenge, scopes, session_id, expires_at, used_at
    FROM gateway.authorization_code WHERE code_hash = %(code_hash)s AND client_id = %(client_id)s
    FOR UPDATE
), used AS (
    UPDATE gateway.authorization_code c SET used_at = %(at)s FROM found
    WHERE c.code_hash = found.code_hash AND found.used_at IS NULL
)
SELECT subject, redirect_uri, code_challenge, scopes, session_id, expires_at, used_at IS NOT NULL FROM found
