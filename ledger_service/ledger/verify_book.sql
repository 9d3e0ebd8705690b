-- What of a book is counted, and its number of events.
SELECT s.epoch, s.sequence,
    (SELECT count(*) FROM ledger.account WHERE book_id = s.book_id),
    (SELECT count(*) FROM ledger.resolution WHERE book_id = s.book_id),
    (SELECT count(*) FROM ledger.reversal WHERE book_id = s.book_id)
FROM ledger.book_state s WHERE s.book_id = %(book_id)s
