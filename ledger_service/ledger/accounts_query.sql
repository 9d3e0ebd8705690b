SELECT a.account_id, a.external_ref, a.chart_code, a.normal_side, a.currency, a.parent_account_id, a.counterparty_id,
    a.party_id, a.party_kind, a.holder_name, a.opened_on, a.revision, a.closed, a.debits_frozen, a.credits_frozen,
    a.debit_limit, a.credit_limit, a.debits_posted, a.credits_posted, a.debits_pending, a.credits_pending, a.version
FROM ledger.account a
WHERE a.book_id = %(book_id)s AND a.account_id > %(after)s
    AND (%(account_ids)s::bigint[] IS NULL OR a.account_id = ANY (%(account_ids)s))
    AND (%(external_refs)s::text[] IS NULL OR a.external_ref = ANY (%(external_refs)s))
    AND (%(chart_code)s::integer IS NULL OR a.chart_code = %(chart_code)s)
    AND (%(currency)s::text IS NULL OR a.currency = %(currency)s)
    AND (%(parent_account_id)s::bigint IS NULL OR a.parent_account_id = %(parent_account_id)s)
ORDER BY a.account_id LIMIT %(limit)s
