-- The blocks of a book from a height on.
SELECT book_id, height, first_sequence, last_sequence, transfers, merkle_root, previous_hash, block_hash
FROM ledger.block WHERE book_id = %(book_id)s AND height > %(above)s ORDER BY height
