-- The totals of each account of a book after its last entry booked by a time.
SELECT a.account_id, a.external_ref, a.chart_code, a.normal_side, a.currency, e.debits_posted_after, e.credits_posted_after
FROM ledger.account a
CROSS JOIN LATERAL (
    SELECT e.debits_posted_after, e.credits_posted_after FROM ledger.entry e
    WHERE e.book_id = a.book_id AND e.account_id = a.account_id AND e.booked_at <= %(at)s
    ORDER BY e.booked_at DESC, e.version DESC LIMIT 1
) e
WHERE a.book_id = %(book_id)s AND a.version > 0
ORDER BY a.currency, a.chart_code, a.account_id
