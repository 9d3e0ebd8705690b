-- The row is locked before it is read: of two uses at the same time, one is the second.
WITH found AS MATERIALIZED (
    SELECT t.token_hash, s.session_id, s.subject, s.scopes, s.expires_at AS session_ends, t.expires_at AS token_ends,
        t.used_at IS NOT NULL AS used_before, s.revoked_at IS NOT NULL AS revoked
    FROM gateway.refresh_token t JOIN gateway.token_session s USING (session_id)
    WHERE t.token_hash = %(token_hash)s AND s.client_id = %(client_id)s
    FOR UPDATE
), used AS (
    UPDATE gateway.refresh_token t SET used_at = %(at)s FROM found
    WHERE t.token_hash = found.token_hash AND NOT found.used_before
)
SELECT session_id, subject, scopes, session_ends, token_ends, used_before, revoked FROM found
