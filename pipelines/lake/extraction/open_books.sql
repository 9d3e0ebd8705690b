-- Books in which the last date of the range is not closed.
SELECT s.book_id FROM ledger.book_state s
WHERE s.book_id = ANY ({book_ids}) AND (s.closed_through IS NULL OR s.closed_through < {last})
ORDER BY s.book_id
