INSERT INTO gateway.person (subject, email_sealed, email_index, name_sealed, role, participants, enrolment_hash,
    enrolment_expires_at, created_at, created_by)
VALUES (%(subject)s, %(email_sealed)s, %(email_index)s, %(name_sealed)s, %(role)s, %(participants)s, %(enrolment_hash)s,
    %(enrolment_expires_at)s, %(at)s, %(by)s)
ON CONFLICT (email_index) DO NOTHING
