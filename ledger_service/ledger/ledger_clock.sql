-- The clock that a book's holds expire by.
SELECT ledger.clock(%(book_id)s)
