-- What concerned the exchange of a date, as it was known then: the date's files, those that something
-- happened to, and those of earlier dates that had not come to an end.
SELECT f.bank_id, f.file_id, f.business_date, f.name, f.format, f.sha256, f.size, f.payments, f.currency, f.total_minor,
    f.sequence, e.number, e.state, e.at, e.detail
FROM payments.bank_file f
JOIN payments.bank_file_event e USING (bank_id, file_id)
WHERE e.exchange_date <= %(exchange_date)s AND (
    f.business_date = %(exchange_date)s
    OR EXISTS (
        SELECT FROM payments.bank_file_event o
        WHERE (o.bank_id, o.file_id) = (f.bank_id, f.file_id) AND o.exchange_date = %(exchange_date)s
    )
    OR (
        SELECT o.state FROM payments.bank_file_event o
        WHERE (o.bank_id, o.file_id) = (f.bank_id, f.file_id) AND o.exchange_date <= %(exchange_date)s
        ORDER BY o.number DESC LIMIT 1
    ) <> ALL (%(ended)s)
)
ORDER BY f.bank_id, f.business_date, f.sequence, e.number
