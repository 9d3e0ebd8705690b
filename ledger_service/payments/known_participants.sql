SELECT p.participant_id, p.name, p.kind, p.country, p.bic, p.home_currency, b.book_id IS NOT NULL AS has_book, b.book_id
FROM ledger.participant p LEFT JOIN ledger.book b ON b.participant_id = p.participant_id
