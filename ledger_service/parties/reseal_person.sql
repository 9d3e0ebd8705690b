UPDATE gateway.person SET email_sealed = %(email_sealed)s, name_sealed = %(name_sealed)s, totp_sealed = %(totp_sealed)s
WHERE subject = %(subject)s
