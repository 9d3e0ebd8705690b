-- Entries whose version or totals do not follow from the entries before them.
WITH recomputed AS (
    SELECT account_id, version, transfer_id, booked_at,
        debits_posted_after, credits_posted_after, debits_pending_after, credits_pending_after,
        row_number() OVER w AS expected_version,
        lag(booked_at) OVER w AS booked_before,
        sum(CASE side WHEN 'D' THEN amount ELSE 0 END) OVER w AS debits_posted,
        sum(CASE side WHEN 'C' THEN amount ELSE 0 END) OVER w AS credits_posted,
        sum(CASE side WHEN 'D' THEN pending ELSE 0 END) OVER w AS debits_pending,
        sum(CASE side WHEN 'C' THEN pending ELSE 0 END) OVER w AS credits_pending
    FROM ledger.entry WHERE book_id = %(book_id)s
    WINDOW w AS (PARTITION BY account_id ORDER BY version ROWS UNBOUNDED PRECEDING)
)
SELECT transfer_id::text, account_id,
    format('entry %%s: totals after it are %%s/%%s posted and %%s/%%s pending, recomputed %%s/%%s and %%s/%%s as entry %%s',
        version, debits_posted_after, credits_posted_after, debits_pending_after, credits_pending_after,
        debits_posted, credits_posted, debits_pending, credits_pending, expected_version) AS difference
FROM recomputed
WHERE version <> expected_version OR debits_posted_after <> debits_posted OR credits_posted_after <> credits_posted
    OR debits_pending_after <> debits_pending OR credits_pending_after <> credits_pending OR booked_at < booked_before
ORDER BY account_id, version LIMIT 1
