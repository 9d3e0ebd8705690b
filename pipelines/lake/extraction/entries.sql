SELECT e.business_date, e.book_id, e.account_id, e.version, e.transfer_id::text AS transfer_id, e.side, t.currency,
    e.amount AS amount_minor, e.pending AS pending_minor, t.kind, t.payment_id::text AS payment_id,
    t.event_at, t.booked_at, t.value_date,
    e.debits_posted_after, e.credits_posted_after, e.debits_pending_after, e.credits_pending_after
FROM ledger.entry e JOIN ledger.transfer t ON t.book_id = e.book_id AND t.transfer_id = e.transfer_id
WHERE e.book_id = ANY ({book_ids}) AND e.business_date BETWEEN {first} AND {last}
    AND t.business_date BETWEEN {first} AND {last} AND t.xid < {watermark}::xid8
