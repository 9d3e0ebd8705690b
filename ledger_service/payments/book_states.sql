-- What each book says of itself before it is posted to: the last date closed, the last booking time.
SELECT s.book_id, s.closed_through,
    (SELECT nullif(max(a.last_booked_at), '-infinity') FROM ledger.account a WHERE a.book_id = s.book_id) AS last_booked_at
FROM ledger.book_state s
WHERE s.book_id = ANY (%s)
ORDER BY s.book_id
