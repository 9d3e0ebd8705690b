-- Transfers that moved money, in any book of these participants (NULL: of all); how they are found stands in braces.
SELECT t.transfer_id::text AS id, b.participant_id, b.book_id, d.external_ref AS debit_account, c.external_ref AS credit_account,
    t.amount AS amount_minor, t.currency, f.reference, t.payment_id::text, t.reverses_id::text AS reverses,
    coalesce((SELECT max(reversed_after) FROM ledger.reversal r WHERE r.book_id = t.book_id AND r.reversed_id = t.transfer_id), 0)
        AS reversed_minor,
    t.business_date, t.event_at AS created_at, t.sequence, d.chart_code AS debit_code, c.chart_code AS credit_code
FROM ledger.book b
CROSS JOIN LATERAL (
    SELECT * FROM ledger.transfer
    WHERE book_id = b.book_id AND phase IN ('single', 'post') AND {found}
) t
JOIN ledger.account d ON d.book_id = t.book_id AND d.account_id = t.debit_account_id
JOIN ledger.account c ON c.book_id = t.book_id AND c.account_id = t.credit_account_id
LEFT JOIN gateway.transfer_reference f ON f.book_id = t.book_id AND f.transfer_id = t.transfer_id
WHERE %(participants)s::text[] IS NULL OR b.participant_id = ANY (%(participants)s::text[])
ORDER BY t.sequence {direction}
