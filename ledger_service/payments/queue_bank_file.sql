-- A file with the next number of its bank and date.
INSERT INTO payments.bank_file (bank_id, file_id, business_date, sequence, name, format, sha256, size, payments, currency, total_minor)
SELECT %(bank_id)s, %(file_id)s, %(business_date)s, 1 + count(*), %(name)s, %(format)s, %(sha256)s, %(size)s, %(payments)s,
    %(currency)s, %(total_minor)s
FROM payments.bank_file WHERE bank_id = %(bank_id)s AND business_date = %(business_date)s
