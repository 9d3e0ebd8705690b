-- Closes of business dates, each with its date as days since 2000-01-01.
SELECT sequence, business_date - DATE '2000-01-01' FROM ledger.business_day WHERE book_id = %(book_id)s ORDER BY sequence
