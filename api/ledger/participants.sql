SELECT p.participant_id, p.name, p.kind, p.country, p.bic, p.home_currency, s.closed_through
FROM ledger.participant p LEFT JOIN ledger.book b USING (participant_id) LEFT JOIN ledger.book_state s USING (book_id)
ORDER BY p.participant_id
