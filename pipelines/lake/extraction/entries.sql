SELECT t.business_date, t.book_id, e.account_id, e.version, t.transfer_id::text AS transfer_id, e.side, t.currency,
    CASE WHEN t.phase IN ('single', 'post') THEN t.amount ELSE 0 END AS amount_minor, t.pending AS pending_minor,
    t.kind, t.payment_id::text AS payment_id, t.event_at, t.booked_at, t.value_date,
    e.debits_posted_after, e.credits_posted_after, e.debits_pending_after, e.credits_pending_after
FROM ledger.transfer t
CROSS JOIN LATERAL (VALUES
    ('D', t.debit_account_id, t.dr_version, t.dr_debits_posted, t.dr_credits_posted, t.dr_debits_pending, t.dr_credits_pending),
    ('C', t.credit_account_id, t.cr_version, t.cr_debits_posted, t.cr_credits_posted, t.cr_debits_pending, t.cr_credits_pending)
) AS e (side, account_id, version, debits_posted_after, credits_posted_after, debits_pending_after, credits_pending_after)
WHERE t.book_id = ANY ({book_ids}) AND t.business_date BETWEEN {first} AND {last}
