UPDATE gateway.person SET status = 'disabled', disabled_at = %(at)s, password_hash = NULL, totp_sealed = NULL,
    totp_last_step = NULL, enrolment_hash = NULL, enrolment_expires_at = NULL
WHERE subject = %(subject)s AND status <> 'disabled'
