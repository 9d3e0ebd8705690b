-- The last event in a block of which transfers are archived; 0 when none are.
SELECT coalesce(max(b.last_sequence), 0)
FROM ledger.archive_block a JOIN ledger.block b ON b.book_id = a.book_id AND b.height = a.height
WHERE a.book_id = %(book_id)s
