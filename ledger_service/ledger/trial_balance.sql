-- The totals of each account of a book after its last entry booked by a time. Where that entry is archived, they
-- stood before the first that remains; where all are archived, they are the account's own.
SELECT a.account_id, a.external_ref, a.chart_code, a.normal_side, a.currency, e.debits_posted, e.credits_posted
FROM ledger.account a
CROSS JOIN LATERAL (
    (SELECT 1 AS preference, e.debits_posted_after AS debits_posted, e.credits_posted_after AS credits_posted
    FROM ledger.entry e
    WHERE e.book_id = a.book_id AND e.account_id = a.account_id AND e.booked_at <= %(at)s
    ORDER BY e.booked_at DESC, e.version DESC LIMIT 1)
    UNION ALL
    SELECT 2, f.debits_posted_after - CASE f.side WHEN 'D' THEN f.amount ELSE 0 END,
        f.credits_posted_after - CASE f.side WHEN 'C' THEN f.amount ELSE 0 END
    FROM (
        SELECT * FROM ledger.entry e WHERE e.book_id = a.book_id AND e.account_id = a.account_id
        ORDER BY e.booked_at, e.version LIMIT 1
    ) f
    WHERE f.version > 1
    UNION ALL
    SELECT 3, a.debits_posted, a.credits_posted WHERE a.last_booked_at <= %(at)s
    ORDER BY preference LIMIT 1
) e
WHERE a.book_id = %(book_id)s AND a.version > 0
ORDER BY a.currency, a.chart_code, a.account_id
