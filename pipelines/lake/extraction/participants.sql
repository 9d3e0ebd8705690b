SELECT p.participant_id, b.book_id, p.name, p.kind, p.country, p.bic, p.home_currency
FROM ledger.participant p LEFT JOIN ledger.book b USING (participant_id)
