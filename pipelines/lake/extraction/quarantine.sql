SELECT q.business_date, q.source_file, q.row, q.field, q.code, q.message, q.content
FROM payments.quarantine q
WHERE q.business_date BETWEEN {first} AND {last}
