-- Why a month's transfers cannot be archived; no row when they can.
SELECT reason FROM (
    SELECT 1 AS n, format('hold %%s of book %%s is open', t.transfer_id, t.book_id) AS reason
    FROM ledger.{transfer} t
    WHERE t.phase = 'pending'
        AND NOT EXISTS (SELECT FROM ledger.{resolution} r WHERE r.book_id = t.book_id AND r.pending_id = t.transfer_id)
    UNION ALL
    SELECT 2, format('transfer %%s of book %%s, event %%s, is not sealed', t.transfer_id, t.book_id, t.sequence)
    FROM ledger.{transfer} t
    WHERE t.sequence > (SELECT coalesce(max(last_sequence), 0) FROM ledger.block b WHERE b.book_id = t.book_id)
    UNION ALL
    SELECT 3, format('book %%s has not closed %%s', t.book_id, t.business_date)
    FROM ledger.{transfer} t JOIN ledger.book_state s ON s.book_id = t.book_id
    WHERE (t.business_date <= s.closed_through) IS NOT TRUE
) AS refusal ORDER BY n, reason LIMIT 1
