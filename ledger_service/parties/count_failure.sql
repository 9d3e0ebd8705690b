UPDATE gateway.person SET failed_attempts = failed_attempts + 1,
    locked_until = CASE WHEN failed_attempts + 1 >= %(free)s
        THEN %(at)s + LEAST(%(longest)s, %(first)s * 2 ^ LEAST(failed_attempts + 1 - %(free)s, 20)) END
WHERE subject = %(subject)s
