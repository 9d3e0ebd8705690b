SELECT account_id, external_ref, currency, chart_code
FROM ledger.account
WHERE book_id = %(book_id)s AND (external_ref = ANY (%(names)s::text[]) OR account_id = ANY (%(numbers)s::bigint[]))
