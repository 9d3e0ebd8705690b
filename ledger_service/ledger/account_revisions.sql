SELECT revision, sequence, changed_at, closed, debits_frozen, credits_frozen, debit_limit, credit_limit, reason
FROM ledger.account_revision
WHERE book_id = %(book_id)s AND account_id = %(account_id)s
ORDER BY revision
