-- The totals at a time of an account and of all accounts below it: those of now where nothing was booked since,
-- else those after the last entry by then, else what stood before the first entry.
WITH RECURSIVE below AS (
    SELECT account_id FROM ledger.account WHERE book_id = %(book_id)s AND account_id = %(account_id)s
    UNION ALL
    SELECT child.account_id FROM below
    JOIN ledger.account child ON child.book_id = %(book_id)s AND child.parent_account_id = below.account_id
)
SELECT a.account_id, a.last_booked_at <= %(at)s, coalesce(last.version, next.version - 1, a.version),
    CASE WHEN a.last_booked_at <= %(at)s THEN nullif(a.last_booked_at, '-infinity') ELSE last.booked_at END,
    coalesce(last.debits_posted_after, next.debits_posted, a.debits_posted),
    coalesce(last.credits_posted_after, next.credits_posted, a.credits_posted),
    coalesce(last.debits_pending_after, next.debits_pending, a.debits_pending),
    coalesce(last.credits_pending_after, next.credits_pending, a.credits_pending)
FROM below JOIN ledger.account a ON a.book_id = %(book_id)s AND a.account_id = below.account_id
LEFT JOIN LATERAL (
    SELECT e.* FROM ledger.entry e
    WHERE a.last_booked_at > %(at)s AND e.book_id = %(book_id)s AND e.account_id = a.account_id AND e.booked_at <= %(at)s
    ORDER BY e.booked_at DESC, e.version DESC LIMIT 1
) last ON true
LEFT JOIN LATERAL (
    SELECT e.version,
        e.debits_posted_after - CASE e.side WHEN 'D' THEN e.amount ELSE 0 END AS debits_posted,
        e.credits_posted_after - CASE e.side WHEN 'C' THEN e.amount ELSE 0 END AS credits_posted,
        e.debits_pending_after - CASE e.side WHEN 'D' THEN e.pending ELSE 0 END AS debits_pending,
        e.credits_pending_after - CASE e.side WHEN 'C' THEN e.pending ELSE 0 END AS credits_pending
    FROM ledger.entry e
    WHERE last.version IS NULL AND a.last_booked_at > %(at)s
        AND e.book_id = %(book_id)s AND e.account_id = a.account_id AND e.booked_at > %(at)s
    ORDER BY e.booked_at, e.version LIMIT 1
) next ON true
