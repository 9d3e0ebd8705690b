UPDATE gateway.person SET totp_sealed = %(totp_sealed)s
WHERE subject = %(subject)s AND status = 'active' AND totp_last_step IS NULL AND totp_sealed IS NULL
