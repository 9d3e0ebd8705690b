SELECT credential_id, public_key, sign_count, transports, name, created_at, last_used_at
FROM gateway.webauthn_credential WHERE subject = %(subject)s ORDER BY created_at, credential_id
