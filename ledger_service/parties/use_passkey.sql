UPDATE gateway.webauthn_credential SET sign_count = %(sign_count)s, last_used_at = %(at)s
WHERE subject = %(subject)s AND credential_id = %(credential_id)s
    AND (sign_count < %(sign_count)s OR (sign_count = 0 AND %(sign_count)s = 0))
