-- A hold and what became of it, by its id, in any book of these participants (NULL: of all).
SELECT t.transfer_id::text AS id, b.participant_id, b.book_id, d.external_ref AS debit_account, c.external_ref AS credit_account,
    t.amount AS amount_minor, t.currency, coalesce(e.phase, CASE WHEN t.expires_at <= clock_timestamp() THEN 'expire' ELSE 'pending' END)
        AS phase,
    CASE e.phase WHEN 'post' THEN p.amount ELSE 0 END AS captured_minor, CASE e.phase WHEN 'post' THEN p.transfer_id::text END AS transfer_id,
    f.reference, t.expires_at, t.business_date, t.event_at AS created_at, d.chart_code AS debit_code, c.chart_code AS credit_code
FROM ledger.book b
CROSS JOIN LATERAL (
    SELECT * FROM ledger.transfer WHERE book_id = b.book_id AND transfer_id = %(id)s::uuid
    OFFSET 0 -- a probe for each book
) t
JOIN ledger.account d ON d.book_id = t.book_id AND d.account_id = t.debit_account_id
JOIN ledger.account c ON c.book_id = t.book_id AND c.account_id = t.credit_account_id
LEFT JOIN ledger.resolution e ON e.book_id = t.book_id AND e.pending_id = t.transfer_id
LEFT JOIN ledger.transfer p ON p.book_id = e.book_id AND p.transfer_id = e.transfer_id
LEFT JOIN gateway.transfer_reference f ON f.book_id = t.book_id AND f.transfer_id = t.transfer_id
WHERE (%(participants)s::text[] IS NULL OR b.participant_id = ANY (%(participants)s::text[])) AND t.phase = 'pending'
