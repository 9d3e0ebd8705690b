-- Locked: of attempts at the same time, each knows what became of the one before.
SELECT status = 'active' AND (locked_until IS NULL OR locked_until <= %(at)s) FROM gateway.person
WHERE subject = %(subject)s FOR UPDATE
