-- The totals after each account's last entry before the first extracted date.
SELECT a.book_id, a.account_id, e.version, e.debits_posted_after AS debits_posted, e.credits_posted_after AS credits_posted,
    e.debits_pending_after AS debits_pending, e.credits_pending_after AS credits_pending
FROM ledger.account a CROSS JOIN LATERAL (
    SELECT * FROM ledger.entry e
    WHERE e.book_id = a.book_id AND e.account_id = a.account_id AND e.business_date < {first}
    ORDER BY e.booked_at DESC, e.version DESC LIMIT 1
) e
WHERE a.book_id = ANY ({book_ids}) AND a.version > 0
