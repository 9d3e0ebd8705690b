WITH old AS (
    DELETE FROM gateway.recovery_code WHERE subject = %(subject)s
)
INSERT INTO gateway.recovery_code (subject, code_hash) SELECT %(subject)s, unnest(%(hashes)s::bytea[])
