UPDATE gateway.person SET failed_attempts = 0, locked_until = NULL
WHERE subject = %(subject)s AND (failed_attempts > 0 OR locked_until IS NOT NULL)
