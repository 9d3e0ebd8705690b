-- What the obligations of a range of events sum to per debtor and creditor, without those given back.
SELECT t.debit_account_id, t.credit_account_id, sum(t.amount), count(*)
FROM ledger.transfer t
WHERE t.book_id = %(book_id)s AND t.sequence > %(event_from)s AND t.sequence <= %(event_to)s
    AND t.kind = 'settlement_obligation'
    AND t.transfer_id <> ALL (ARRAY(
        SELECT x.transfer_id FROM payments.settlement_exclusion x
        WHERE x.book_id = %(book_id)s AND x.scheme_id = %(scheme_id)s AND x.window_number = %(window_number)s))
GROUP BY t.debit_account_id, t.credit_account_id
