-- An answer, unless its content was noted before.
INSERT INTO payments.bank_answer (bank_id, sha256, number, name, cursor, size, received_at, exchange_date)
SELECT %(bank_id)s, %(sha256)s, 1 + coalesce((SELECT max(number) FROM payments.bank_answer WHERE bank_id = %(bank_id)s), 0),
    %(name)s, %(cursor)s, %(size)s, %(received_at)s, %(exchange_date)s
ON CONFLICT (bank_id, sha256) DO NOTHING
