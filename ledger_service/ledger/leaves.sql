-- Canonical bytes of each transfer of a business date, hashed: the leaves of the date's Merkle tree.
-- Fields are joined by '|' in this order; absent ones are empty; times are microseconds since 1970 UTC,
-- dates ISO 8601 whatever the session's settings. Only `kind` is free text, so that no two transfers
-- have the same bytes.
SELECT transfer_id::text, sha256(convert_to(concat_ws('|',
    book_id, transfer_id, debit_account_id, credit_account_id, currency, amount, phase,
    coalesce(pending_id::text, ''), kind, coalesce(payment_id::text, ''),
    (extract(epoch FROM event_at) * 1000000)::bigint, (extract(epoch FROM booked_at) * 1000000)::bigint,
    to_char(value_date, 'YYYY-MM-DD'), to_char(business_date, 'YYYY-MM-DD')), 'UTF8')) AS leaf
FROM ledger.transfer
WHERE book_id = %(book_id)s AND business_date = %(business_date)s
ORDER BY transfer_id
