-- Entries of an account between two positions, in one direction; the other account and the rest of what the
-- transfer says beside it. Each side is read by its index, and the two are merged.
WITH page AS (
    (SELECT 'D' AS side, dr_version AS version, credit_account_id AS other_account_id, dr_debits_posted AS debits_posted_after,
        dr_credits_posted AS credits_posted_after, dr_debits_pending AS debits_pending_after, dr_credits_pending AS credits_pending_after,
        transfer_id, sequence, business_date, amount, pending, phase, pending_id, reverses_id, kind, payment_id, event_at, booked_at, value_date
    FROM ledger.transfer
    WHERE book_id = %(book_id)s AND debit_account_id = %(account_id)s AND %(side)s::text IS DISTINCT FROM 'C'
        AND (booked_at, dr_version) > (%(from_booked_at)s::timestamptz, %(from_version)s::bigint)
        AND (booked_at, dr_version) < (%(to_booked_at)s::timestamptz, %(to_version)s::bigint)
        AND (%(kind)s::text IS NULL OR kind = %(kind)s)
    ORDER BY booked_at {direction}, dr_version {direction} LIMIT %(limit)s)
    UNION ALL
    (SELECT 'C', cr_version, debit_account_id, cr_debits_posted, cr_credits_posted, cr_debits_pending, cr_credits_pending,
        transfer_id, sequence, business_date, amount, pending, phase, pending_id, reverses_id, kind, payment_id, event_at, booked_at, value_date
    FROM ledger.transfer
    WHERE book_id = %(book_id)s AND credit_account_id = %(account_id)s AND %(side)s::text IS DISTINCT FROM 'D'
        AND (booked_at, cr_version) > (%(from_booked_at)s::timestamptz, %(from_version)s::bigint)
        AND (booked_at, cr_version) < (%(to_booked_at)s::timestamptz, %(to_version)s::bigint)
        AND (%(kind)s::text IS NULL OR kind = %(kind)s)
    ORDER BY booked_at {direction}, cr_version {direction} LIMIT %(limit)s)
)
SELECT p.version, p.side, CASE WHEN p.phase IN ('single', 'post') THEN p.amount ELSE 0 END AS amount_minor, p.pending AS pending_minor,
    p.debits_posted_after, p.credits_posted_after, p.debits_pending_after, p.credits_pending_after,
    p.other_account_id, o.external_ref AS other_external_ref, p.transfer_id::text, p.sequence, p.business_date, p.phase,
    p.pending_id::text, p.reverses_id::text, p.kind, p.payment_id::text, p.event_at, p.booked_at, p.value_date
FROM page p JOIN ledger.account o ON o.book_id = %(book_id)s AND o.account_id = p.other_account_id
ORDER BY p.booked_at {direction}, p.version {direction} LIMIT %(limit)s
