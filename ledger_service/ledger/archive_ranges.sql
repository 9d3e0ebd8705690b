-- Of each book with transfers in a month: how many, and the first and last event.
SELECT book_id, count(*), min(sequence), max(sequence) FROM ledger.{transfer} GROUP BY book_id ORDER BY book_id
