-- Canonical bytes of transfers, in order of sequence: the binary COPY form of these columns. What has a
-- fixed width and is never absent stands first. `leaves.py` says how to build the bytes without a server.
COPY (
    SELECT book_id, business_date, value_date, dr_backdated, cr_backdated, sequence, debit_account_id, credit_account_id,
        amount, pending, booked_at, event_at,
        dr_version, dr_debits_posted, dr_credits_posted, dr_debits_pending, dr_credits_pending,
        cr_version, cr_debits_posted, cr_credits_posted, cr_debits_pending, cr_credits_pending,
        transfer_id, phase, currency, payment_id, pending_id, reverses_id, expires_at, balancing, kind
    FROM {relation} WHERE book_id = {book_id} AND sequence BETWEEN {first} AND {last}
    ORDER BY sequence
) TO STDOUT (FORMAT binary)
