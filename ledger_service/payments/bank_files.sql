-- Files with their events, by bank, number and event: one file, those of some ids, or all.
SELECT f.bank_id, f.file_id, f.business_date, f.name, f.format, f.sha256, f.size, f.payments, f.currency, f.total_minor,
    f.sequence, e.number, e.state, e.at, e.detail
FROM payments.bank_file f
JOIN payments.bank_file_event e USING (bank_id, file_id)
WHERE f.bank_id = coalesce(%(bank_id)s, f.bank_id)
    AND f.file_id = ANY (coalesce(%(file_ids)s::text[], ARRAY[f.file_id]))
ORDER BY f.bank_id, f.business_date, f.sequence, e.number
