-- After a month came back: ids are known again from the end of the last month that is still archived, or all of them.
UPDATE ledger.book_state SET id_floor = coalesce(
    (SELECT ledger.first_id((max(month) + interval '1 month') AT TIME ZONE 'UTC') FROM ledger.archive),
    '00000000-0000-0000-0000-000000000000')
