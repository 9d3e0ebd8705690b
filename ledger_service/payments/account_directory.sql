SELECT book_id, external_ref, account_id, chart_code, currency
FROM ledger.account
WHERE book_id = ANY (%s)
ORDER BY book_id, account_id
