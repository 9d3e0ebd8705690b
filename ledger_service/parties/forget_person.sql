-- All that a person has proven or was given: factors, browsers, and tokens until the last of them ends by itself.
WITH passkeys AS (
    DELETE FROM gateway.webauthn_credential WHERE subject = %(subject)s
), codes AS (
    DELETE FROM gateway.recovery_code WHERE subject = %(subject)s
), browsers AS (
    UPDATE gateway.login_session SET ended_at = %(at)s WHERE subject = %(subject)s AND ended_at IS NULL
), families AS (
    UPDATE gateway.token_session SET revoked_at = %(at)s, revoked_reason = %(reason)s
    WHERE subject = %(subject)s AND revoked_at IS NULL
)
INSERT INTO gateway.revoked_token (revoked_id, revoked_at, expires_at, reason)
VALUES (%(subject)s, %(at)s, %(tokens_end)s, %(reason)s)
ON CONFLICT (revoked_id) DO UPDATE SET revoked_at = GREATEST(revoked_token.revoked_at, excluded.revoked_at),
    expires_at = GREATEST(revoked_token.expires_at, excluded.expires_at), reason = excluded.reason
