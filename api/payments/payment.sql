-- The transfers of a payment, by their ids: in the debtor's book, and in the creditor's where that is another one.
SELECT t.transfer_id::text AS id, b.participant_id, d.external_ref AS debit_account, c.external_ref AS credit_account,
    t.amount AS amount_minor, t.currency, f.reference, t.business_date, t.event_at AS created_at
FROM ledger.book b
CROSS JOIN LATERAL (
    SELECT * FROM ledger.transfer WHERE book_id = b.book_id AND transfer_id = ANY (%(ids)s::uuid[])
    OFFSET 0 -- a probe for each book
) t
JOIN ledger.account d ON d.book_id = t.book_id AND d.account_id = t.debit_account_id
JOIN ledger.account c ON c.book_id = t.book_id AND c.account_id = t.credit_account_id
LEFT JOIN gateway.transfer_reference f ON f.book_id = t.book_id AND f.transfer_id = t.transfer_id
WHERE t.payment_id = %(payment_id)s::uuid
ORDER BY array_position(%(ids)s::uuid[], t.transfer_id)
