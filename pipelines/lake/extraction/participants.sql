-- Operators of schemes hold no customers' money: what is settled in their books has tables of its own.
SELECT p.participant_id, b.book_id, p.name, p.kind, p.country, p.bic, p.home_currency
FROM ledger.participant p LEFT JOIN ledger.book b USING (participant_id)
WHERE p.kind <> 'scheme_operator'
