UPDATE gateway.person SET password_hash = %(password_hash)s, status = 'active', enrolment_hash = NULL,
    enrolment_expires_at = NULL, failed_attempts = 0, locked_until = NULL
WHERE subject = %(subject)s AND status <> 'disabled'
    AND (%(enrolment_hash)s::bytea IS NULL OR (enrolment_hash = %(enrolment_hash)s AND enrolment_expires_at > %(at)s))
