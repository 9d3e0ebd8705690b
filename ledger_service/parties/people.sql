SELECT subject, role, participants, status, email_sealed, name_sealed, password_hash, totp_sealed, totp_last_step,
    locked_until, created_at, created_by, disabled_at,
    (SELECT count(*) FROM gateway.webauthn_credential k WHERE k.subject = p.subject) AS passkeys
FROM gateway.person p
WHERE (%(subject)s::text IS NULL OR subject = %(subject)s)
    AND (%(email_index)s::bytea IS NULL OR email_index = %(email_index)s)
    AND (%(enrolment_hash)s::bytea IS NULL OR (enrolment_hash = %(enrolment_hash)s AND enrolment_expires_at > %(at)s))
ORDER BY created_at, subject
