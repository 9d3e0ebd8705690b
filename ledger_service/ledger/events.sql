-- The events of a book with numbers above %(after)s and up to %(upto)s, in order. A range without gaps, so
-- that no part has to be sorted or cut by the others; each is found by its index on the number.
SELECT sequence, 'transfer_created' AS event, booked_at AS known_at, business_date, transfer_id::text, phase,
    debit_account_id, credit_account_id, amount AS amount_minor, currency, kind, payment_id::text, pending_id::text,
    reverses_id::text, expires_at, event_at, value_date,
    NULL::bigint AS account_id, NULL::integer AS revision, NULL::boolean AS closed, NULL::boolean AS debits_frozen,
    NULL::boolean AS credits_frozen, NULL::bigint AS debit_limit, NULL::bigint AS credit_limit, NULL::text AS reason
FROM ledger.transfer
WHERE book_id = %(book_id)s AND sequence > %(after)s AND sequence <= %(upto)s
UNION ALL
SELECT r.sequence, CASE r.revision WHEN 1 THEN 'account_opened' ELSE 'account_changed' END, r.changed_at, NULL, NULL, NULL,
    NULL, NULL, NULL, a.currency, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    r.account_id, r.revision, r.closed, r.debits_frozen, r.credits_frozen, r.debit_limit, r.credit_limit, r.reason
FROM ledger.account_revision r JOIN ledger.account a USING (book_id, account_id)
WHERE r.book_id = %(book_id)s AND r.sequence > %(after)s AND r.sequence <= %(upto)s
UNION ALL
SELECT sequence, 'business_date_closed', closed_at, business_date, NULL, NULL,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM ledger.business_day
WHERE book_id = %(book_id)s AND sequence > %(after)s AND sequence <= %(upto)s
ORDER BY sequence
