-- The number of a book's last event, and its last block where there is one.
SELECT s.sequence, b.height, b.last_sequence, b.block_hash
FROM ledger.book_state s
LEFT JOIN LATERAL (
    SELECT * FROM ledger.block WHERE book_id = s.book_id ORDER BY height DESC LIMIT 1) b ON true
WHERE s.book_id = %(book_id)s
