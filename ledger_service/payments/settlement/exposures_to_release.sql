-- Per pair account, what a window's obligations that stand added to it: debits, less credits.
SELECT account_id, contra_id, sum(added)::bigint AS debits_minor
FROM (
    SELECT a.account_id, t.credit_account_id AS contra_id, t.amount AS added
    FROM ledger.transfer t JOIN ledger.account a ON a.book_id = t.book_id AND a.account_id = t.debit_account_id
    WHERE t.book_id = %(book_id)s AND t.sequence > %(event_from)s AND t.sequence <= %(event_to)s
        AND t.kind = 'settlement_exposure' AND a.external_ref LIKE 'pair:' || %(scheme_id)s || ':%%'
        AND NOT EXISTS (SELECT FROM ledger.reversal r WHERE r.book_id = t.book_id AND r.reversed_id = t.transfer_id)
    UNION ALL
    SELECT a.account_id, t.debit_account_id, -t.amount
    FROM ledger.transfer t JOIN ledger.account a ON a.book_id = t.book_id AND a.account_id = t.credit_account_id
    WHERE t.book_id = %(book_id)s AND t.sequence > %(event_from)s AND t.sequence <= %(event_to)s
        AND t.kind = 'settlement_exposure' AND a.external_ref LIKE 'pair:' || %(scheme_id)s || ':%%'
        AND NOT EXISTS (SELECT FROM ledger.reversal r WHERE r.book_id = t.book_id AND r.reversed_id = t.transfer_id)
) AS entries
GROUP BY account_id, contra_id
HAVING sum(added) <> 0
ORDER BY account_id
