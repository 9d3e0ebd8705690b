SELECT t.transfer_id::text, t.sequence, t.business_date, t.debit_account_id, t.credit_account_id, t.currency, t.amount, t.phase,
    t.pending_id::text, t.reverses_id::text, t.expires_at, t.balancing, t.kind, t.payment_id::text, t.event_at, t.booked_at,
    t.value_date
FROM ledger.transfer t
WHERE t.book_id = %(book_id)s AND t.transfer_id = ANY (%(transfer_ids)s::uuid[])
ORDER BY t.sequence
