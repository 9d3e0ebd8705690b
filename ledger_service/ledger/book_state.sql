-- Where a book stands: its epoch, and the number of its last committed event.
SELECT epoch, sequence FROM ledger.book_state WHERE book_id = %(book_id)s
