-- The totals of an account after its last entry booked at or before a time; no row: no such account.
--
-- Booking times never regress on an account, so its entries are sorted by them as they are by version,
-- and the primary key is searched by halves: about 20 probes for a million entries. Always, entry `low`
-- was booked in time (0: before the first) and entry `high` was not (one past the last).
WITH RECURSIVE search AS (
    SELECT 0::bigint AS low, version + 1 AS high
    FROM ledger.account WHERE book_id = %(book_id)s AND account_id = %(account_id)s
    UNION ALL
    SELECT CASE WHEN e.booked_at <= %(at)s THEN e.version ELSE s.low END,
        CASE WHEN e.booked_at <= %(at)s THEN s.high ELSE e.version END
    FROM search s
    JOIN ledger.entry e ON e.book_id = %(book_id)s AND e.account_id = %(account_id)s AND e.version = (s.low + s.high) / 2
    WHERE s.high - s.low > 1
)
SELECT s.low AS version, e.booked_at,
    coalesce(e.debits_posted_after, 0), coalesce(e.credits_posted_after, 0),
    coalesce(e.debits_pending_after, 0), coalesce(e.credits_pending_after, 0)
FROM search s
LEFT JOIN ledger.entry e ON e.book_id = %(book_id)s AND e.account_id = %(account_id)s AND e.version = s.low
WHERE s.high - s.low = 1
