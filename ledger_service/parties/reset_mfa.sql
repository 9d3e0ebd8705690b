UPDATE gateway.person SET status = 'invited', password_hash = NULL, totp_sealed = NULL, totp_last_step = NULL,
    failed_attempts = 0, locked_until = NULL, enrolment_hash = %(enrolment_hash)s,
    enrolment_expires_at = %(enrolment_expires_at)s
WHERE subject = %(subject)s AND status <> 'disabled'
