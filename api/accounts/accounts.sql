-- A page of a book's accounts in one order; what is asked for stands in braces.
SELECT a.account_id, a.external_ref, a.chart_code, a.normal_side, a.currency, a.opened_on, a.revision, a.closed,
    a.debits_frozen, a.credits_frozen, a.debit_limit, a.credit_limit, a.debits_posted, a.credits_posted,
    a.debits_pending, a.credits_pending, a.version, p.external_ref AS parent
FROM ledger.account a
LEFT JOIN ledger.account p ON p.book_id = a.book_id AND p.account_id = a.parent_account_id
WHERE a.book_id = %(book_id)s AND (%(after)s::{kind} IS NULL OR a.{column} {beyond} %(after)s)
    AND (%(reference)s::text IS NULL OR a.external_ref = %(reference)s)
    AND (%(account_id)s::bigint IS NULL OR a.account_id = %(account_id)s)
    AND (%(chart_code)s::integer IS NULL OR a.chart_code = %(chart_code)s)
    AND (%(currency)s::text IS NULL OR a.currency = %(currency)s)
    AND (%(status)s::text IS NULL OR %(status)s = CASE WHEN a.closed THEN 'closed'
        WHEN a.debits_frozen OR a.credits_frozen THEN 'frozen' ELSE 'open' END)
ORDER BY a.{column} {direction} LIMIT %(limit)s
