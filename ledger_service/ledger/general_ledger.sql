-- Entries of a book in order of its events, the debit before the credit.
SELECT t.sequence, t.business_date, t.booked_at, t.value_date, t.transfer_id::text, s.side, a.external_ref AS account, a.chart_code,
    o.external_ref AS other_account, t.currency, CASE WHEN t.phase IN ('single', 'post') THEN t.amount ELSE 0 END AS amount_minor,
    t.pending AS pending_minor, s.debits_posted_after, s.credits_posted_after, t.phase, t.kind, t.payment_id::text, s.version
FROM ledger.transfer t
CROSS JOIN LATERAL (VALUES
    (1, 'D', t.debit_account_id, t.credit_account_id, t.dr_debits_posted, t.dr_credits_posted, t.dr_version),
    (2, 'C', t.credit_account_id, t.debit_account_id, t.cr_debits_posted, t.cr_credits_posted, t.cr_version)
) AS s (place, side, account_id, other_account_id, debits_posted_after, credits_posted_after, version)
JOIN ledger.account a ON a.book_id = t.book_id AND a.account_id = s.account_id
JOIN ledger.account o ON o.book_id = t.book_id AND o.account_id = s.other_account_id
WHERE t.book_id = %(book_id)s AND t.sequence > %(after)s AND t.sequence <= %(upto)s
    AND t.booked_at >= %(since)s AND t.booked_at < %(until)s
    AND t.business_date >= %(first_date)s AND t.business_date <= %(last_date)s
ORDER BY t.sequence, s.place
