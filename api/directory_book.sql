SELECT b.book_id, s.closed_through
FROM ledger.book b JOIN ledger.book_state s USING (book_id)
WHERE b.participant_id = %(participant_id)s
