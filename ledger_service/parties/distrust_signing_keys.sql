UPDATE gateway.signing_key SET distrusted_at = %(at)s WHERE signs_from <= %(at)s AND distrusted_at IS NULL
