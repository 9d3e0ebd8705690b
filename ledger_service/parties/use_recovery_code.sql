UPDATE gateway.recovery_code SET used_at = %(at)s
WHERE subject = %(subject)s AND code_hash = %(code_hash)s AND used_at IS NULL
