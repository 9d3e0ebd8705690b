SELECT t.business_date, t.book_id, t.transfer_id::text AS transfer_id, t.debit_account_id, t.credit_account_id, t.currency,
    t.amount AS amount_minor, t.phase, t.pending_id::text AS pending_id, t.reverses_id::text AS reverses_id, t.kind,
    t.payment_id::text AS payment_id, t.event_at, t.booked_at, t.value_date
FROM ledger.transfer t
WHERE t.book_id = ANY ({book_ids}) AND t.business_date BETWEEN {first} AND {last}
