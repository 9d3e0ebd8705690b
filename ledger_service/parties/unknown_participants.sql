SELECT asked FROM unnest(%(participants)s::text[]) asked
WHERE asked <> '*' AND NOT EXISTS (SELECT FROM ledger.participant p WHERE p.participant_id = asked)
ORDER BY asked
