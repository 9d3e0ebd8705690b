-- The last entry of an account at or before a position (booking time, version) that is not backdated.
SELECT version, booked_at, value_date, debits_posted_after, credits_posted_after, debits_pending_after, credits_pending_after
FROM ledger.entry
WHERE book_id = %(book_id)s AND account_id = %(account_id)s AND NOT backdated
    AND (booked_at, version) <= (%(booked_at)s::timestamptz, %(version)s::bigint)
ORDER BY booked_at DESC, version DESC LIMIT 1
