-- The account as it is, and the entries on both sides of a moment among the transfers of a range of ids: the
-- last one at or before it, and the first one after it with the totals before that. Entries of an account
-- are numbered without gaps in order of booking, so two neighbours found have nothing between them,
-- wherever else in the journal entries lie. The bounds are not known before execution, by now(): one plan
-- serves all, and partitions out of the range are not opened.
SELECT a.last_booked_at <= %(at)s, a.version, nullif(a.last_booked_at, '-infinity'),
    a.debits_posted, a.credits_posted, a.debits_pending, a.credits_pending,
    last.version, last.booked_at, next.version, next.debits_posted, next.credits_posted, next.debits_pending, next.credits_pending
FROM ledger.account a
LEFT JOIN LATERAL (
    SELECT e.version, e.booked_at FROM ledger.entry e
    WHERE a.last_booked_at > %(at)s AND e.book_id = %(book_id)s AND e.account_id = %(account_id)s AND e.booked_at <= %(at)s
        AND e.transfer_id >= CASE WHEN now() IS NOT NULL THEN %(first_id)s::uuid END
        AND e.transfer_id < CASE WHEN now() IS NOT NULL THEN %(end_id)s::uuid END
    ORDER BY e.booked_at DESC, e.version DESC LIMIT 1
) last ON true
LEFT JOIN LATERAL (
    SELECT e.version,
        e.debits_posted_after - CASE e.side WHEN 'D' THEN e.amount ELSE 0 END AS debits_posted,
        e.credits_posted_after - CASE e.side WHEN 'C' THEN e.amount ELSE 0 END AS credits_posted,
        e.debits_pending_after - CASE e.side WHEN 'D' THEN e.pending ELSE 0 END AS debits_pending,
        e.credits_pending_after - CASE e.side WHEN 'C' THEN e.pending ELSE 0 END AS credits_pending
    FROM ledger.entry e
    WHERE a.last_booked_at > %(at)s AND e.book_id = %(book_id)s AND e.account_id = %(account_id)s AND e.booked_at > %(at)s
        AND e.transfer_id >= CASE WHEN now() IS NOT NULL THEN %(first_id)s::uuid END
        AND e.transfer_id < CASE WHEN now() IS NOT NULL THEN %(end_id)s::uuid END
    ORDER BY e.booked_at, e.version LIMIT 1
) next ON true
WHERE a.book_id = %(book_id)s AND a.account_id = %(account_id)s
