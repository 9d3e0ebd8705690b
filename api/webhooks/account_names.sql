SELECT account_id, external_ref FROM ledger.account WHERE book_id = %(book_id)s AND account_id = ANY (%(account_ids)s)
