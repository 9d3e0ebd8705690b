-- The obligations of a range of events of a book, without those given back; all columns are of one width.
SELECT t.debit_account_id, t.credit_account_id, t.amount, t.dr_version, t.payment_id
FROM ledger.transfer t
WHERE t.book_id = {book_id} AND t.sequence > {event_from} AND t.sequence <= {event_to}
    AND t.kind = 'settlement_obligation' AND t.payment_id IS NOT NULL
    AND t.transfer_id <> ALL (ARRAY(
        SELECT x.transfer_id FROM payments.settlement_exclusion x
        WHERE x.book_id = {book_id} AND x.scheme_id = {scheme_id} AND x.window_number = {window_number}))
ORDER BY t.sequence
