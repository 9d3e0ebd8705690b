SELECT coalesce(max(account_id), 0) + 1 FROM ledger.account WHERE book_id = %(book_id)s
