-- The first entry of an account that the journal holds, with what stood before it: the totals after it
-- without what it added. Before the first entry of all that is nothing; where older months are archived, it
-- is what they left.
SELECT version - 1 AS version, booked_at,
    debits_posted_after - CASE side WHEN 'D' THEN amount ELSE 0 END, credits_posted_after - CASE side WHEN 'C' THEN amount ELSE 0 END,
    debits_pending_after - CASE side WHEN 'D' THEN pending ELSE 0 END, credits_pending_after - CASE side WHEN 'C' THEN pending ELSE 0 END
FROM ledger.entry
WHERE book_id = %(book_id)s AND account_id = %(account_id)s
ORDER BY booked_at, version LIMIT 1
