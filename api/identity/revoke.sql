INSERT INTO gateway.revoked_token (revoked_id, revoked_at, expires_at, reason)
VALUES (%(revoked_id)s, %(at)s, %(expires_at)s, %(reason)s)
ON CONFLICT (revoked_id) DO UPDATE
SET revoked_at = greatest(revoked_token.revoked_at, excluded.revoked_at),
    expires_at = greatest(revoked_token.expires_at, excluded.expires_at), reason = excluded.reason
