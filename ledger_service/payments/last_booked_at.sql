SELECT max(last_booked_at) FROM ledger.account WHERE book_id = ANY (%s)
