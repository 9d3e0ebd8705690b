SELECT t.transfer_id::text, b.participant_id, d.external_ref AS debit_account, c.external_ref AS credit_account,
    t.currency, t.amount AS amount_minor, t.phase, t.kind, t.booked_at, t.value_date, t.business_date
FROM ledger.book b JOIN ledger.transfer t USING (book_id)
JOIN ledger.account d ON d.book_id = t.book_id AND d.account_id = t.debit_account_id
JOIN ledger.account c ON c.book_id = t.book_id AND c.account_id = t.credit_account_id
WHERE b.participant_id = %s AND t.transfer_id = %s
