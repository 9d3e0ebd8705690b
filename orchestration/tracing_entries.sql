SELECT e.book_id, e.account_id, a.external_ref, e.version, e.side,
    CASE WHEN e.amount > 0 THEN e.amount ELSE e.pending END, t.currency, t.kind, e.booked_at,
    e.transfer_id::text, t.payment_id::text
FROM unnest(%s::integer[], %s::bigint[], %s::bigint[], %s::bigint[]) AS run (book_id, account_id, version_from, version_to)
JOIN ledger.entry e ON e.book_id = run.book_id AND e.account_id = run.account_id
    AND e.version BETWEEN run.version_from AND run.version_to
JOIN ledger.transfer t ON t.book_id = e.book_id AND t.transfer_id = e.transfer_id
JOIN ledger.account a ON a.book_id = e.book_id AND a.account_id = e.account_id
ORDER BY e.book_id, e.account_id, e.version
LIMIT %s
