SELECT p.participant_id, p.name, p.kind, p.country, p.bic, p.home_currency, b.book_id IS NOT NULL AS has_book, s.closed_through
FROM ledger.participant p LEFT JOIN ledger.book b USING (participant_id) LEFT JOIN ledger.book_state s USING (book_id)
WHERE (%(reach)s::text[] IS NULL OR p.participant_id = ANY (%(reach)s))
    AND (%(after)s::text IS NULL OR p.participant_id > %(after)s)
    AND (%(participant_id)s::text IS NULL OR p.participant_id = %(participant_id)s)
ORDER BY p.participant_id LIMIT %(limit)s
