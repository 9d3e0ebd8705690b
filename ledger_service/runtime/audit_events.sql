SELECT number, at, actor, client, act, subject, details, request_id, previous_hash, hash
FROM gateway.audit_event
WHERE number > %(after)s
    AND (%(act)s::text IS NULL OR act = %(act)s)
    AND (%(actor)s::text IS NULL OR actor = %(actor)s)
    AND (%(subject)s::text IS NULL OR subject = %(subject)s)
ORDER BY number LIMIT %(limit)s
