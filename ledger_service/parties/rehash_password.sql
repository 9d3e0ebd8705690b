UPDATE gateway.person SET password_hash = %(new)s WHERE subject = %(subject)s AND password_hash = %(old)s
