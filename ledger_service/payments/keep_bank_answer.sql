-- An answer with the next number of its bank; of a content that came before only where it moves the cursor.
INSERT INTO payments.bank_answer (bank_id, sha256, number, name, cursor, size, received_at, exchange_date, repeated)
SELECT %(bank_id)s, %(sha256)s, 1 + coalesce((SELECT max(number) FROM payments.bank_answer WHERE bank_id = %(bank_id)s), 0),
    %(name)s, %(cursor)s, %(size)s, %(received_at)s, %(exchange_date)s, known.repeated
FROM (
    SELECT EXISTS (
        SELECT FROM payments.bank_answer WHERE bank_id = %(bank_id)s AND sha256 = %(sha256)s AND NOT repeated
    ) AS repeated
) AS known
WHERE %(cursor)s::text IS NOT NULL OR NOT known.repeated
RETURNING repeated
