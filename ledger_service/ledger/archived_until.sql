-- The least id that is not archived in a book.
SELECT id_floor FROM ledger.book_state WHERE book_id = %(book_id)s
