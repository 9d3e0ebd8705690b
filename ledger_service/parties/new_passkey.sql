INSERT INTO gateway.webauthn_credential (credential_id, subject, public_key, sign_count, transports, name, created_at)
VALUES (%(credential_id)s, %(subject)s, %(public_key)s, %(sign_count)s, %(transports)s, %(name)s, %(at)s)
ON CONFLICT (credential_id) DO NOTHING
