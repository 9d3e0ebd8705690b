-- Accounts whose totals are not those after their last entry.
SELECT NULL::text AS transfer_id, a.account_id,
    format('account %%s: totals are %%s/%%s posted and %%s/%%s pending at version %%s, the last entry says %%s/%%s and %%s/%%s at %%s',
        a.external_ref, a.debits_posted, a.credits_posted, a.debits_pending, a.credits_pending, a.version,
        e.debits_posted_after, e.credits_posted_after, e.debits_pending_after, e.credits_pending_after, e.version) AS difference
FROM ledger.account a
LEFT JOIN LATERAL (
    SELECT * FROM ledger.entry WHERE book_id = a.book_id AND account_id = a.account_id ORDER BY version DESC LIMIT 1
) e ON true
WHERE a.book_id = %(book_id)s AND (
    a.version <> coalesce(e.version, 0) OR a.debits_posted <> coalesce(e.debits_posted_after, 0)
    OR a.credits_posted <> coalesce(e.credits_posted_after, 0) OR a.debits_pending <> coalesce(e.debits_pending_after, 0)
    OR a.credits_pending <> coalesce(e.credits_pending_after, 0))
ORDER BY a.account_id LIMIT 1
