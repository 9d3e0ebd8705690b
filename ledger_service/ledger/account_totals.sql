SELECT version, nullif(last_booked_at, '-infinity'), debits_posted, credits_posted, debits_pending, credits_pending
FROM ledger.account WHERE book_id = %(book_id)s AND account_id = %(account_id)s
