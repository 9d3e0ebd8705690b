-- An account as it is, and whether all that it has counts on a date as known at a time.
SELECT last_booked_at <= %(known_at)s AND last_value_date <= %(value_date)s, version, nullif(last_booked_at, '-infinity'),
    debits_posted, credits_posted, debits_pending, credits_pending
FROM ledger.account WHERE book_id = %(book_id)s AND account_id = %(account_id)s
