-- The totals of each account of a book at a time: those after its last entry by then, else what archived months
-- left before its first one, else, where all are archived, its own; and whether that is unknown, for what is
-- asked is archived. Of the journal where it can be, so that it does not rest on the totals that posting keeps.
SELECT a.account_id, a.external_ref, a.chart_code, a.normal_side, a.currency,
    coalesce(last.debits_posted_after, next.debits_posted, a.debits_posted),
    coalesce(last.credits_posted_after, next.credits_posted, a.credits_posted),
    last.version IS NULL AND CASE WHEN next.version IS NULL THEN a.last_booked_at > %(at)s
        ELSE next.version > 1 AND %(at)s < %(archived_until)s END AS unknown
FROM ledger.account a
LEFT JOIN LATERAL (
    SELECT e.version, e.debits_posted_after, e.credits_posted_after FROM ledger.entry e
    WHERE e.book_id = %(book_id)s AND e.account_id = a.account_id AND e.booked_at <= %(at)s
    ORDER BY e.booked_at DESC, e.version DESC LIMIT 1
) last ON true
LEFT JOIN LATERAL (
    SELECT e.version,
        e.debits_posted_after - CASE e.side WHEN 'D' THEN e.amount ELSE 0 END AS debits_posted,
        e.credits_posted_after - CASE e.side WHEN 'C' THEN e.amount ELSE 0 END AS credits_posted
    FROM ledger.entry e
    WHERE last.version IS NULL AND e.book_id = %(book_id)s AND e.account_id = a.account_id AND e.booked_at > %(at)s
    ORDER BY e.booked_at, e.version LIMIT 1
) next ON true
WHERE a.book_id = %(book_id)s AND a.version > 0 AND coalesce(last.version, next.version - 1, a.version) > 0
ORDER BY a.currency, a.chart_code, a.account_id
