SELECT subject, email_sealed, name_sealed, totp_sealed FROM gateway.person
WHERE subject > %(after)s ORDER BY subject LIMIT %(batch)s FOR UPDATE
