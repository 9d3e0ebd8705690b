UPDATE gateway.person SET totp_last_step = %(step)s
WHERE subject = %(subject)s AND status = 'active' AND totp_sealed = %(totp_sealed)s AND totp_last_step < %(step)s
