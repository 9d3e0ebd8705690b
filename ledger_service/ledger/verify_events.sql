-- Events of a range that are not transfers: revisions of accounts and closes of business dates.
SELECT sequence FROM ledger.account_revision WHERE book_id = %(book_id)s AND sequence BETWEEN %(first)s AND %(last)s
UNION ALL
SELECT sequence FROM ledger.business_day WHERE book_id = %(book_id)s AND sequence BETWEEN %(first)s AND %(last)s
