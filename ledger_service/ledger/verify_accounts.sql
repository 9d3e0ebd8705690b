-- Accounts whose terms are not those of their last revision, or whose revisions are not numbered 1, 2, 3 ...
SELECT NULL::text AS transfer_id, a.account_id,
    format('account %%s: its terms at revision %%s are not those of its %%s revisions', a.external_ref, a.revision, r.revisions) AS difference
FROM ledger.account a
LEFT JOIN (
    SELECT account_id, count(*) AS revisions, max(revision) AS last_revision
    FROM ledger.account_revision WHERE book_id = %(book_id)s GROUP BY account_id
) r ON r.account_id = a.account_id
LEFT JOIN ledger.account_revision l ON l.book_id = a.book_id AND l.account_id = a.account_id AND l.revision = r.last_revision
WHERE a.book_id = %(book_id)s AND (a.revision, a.revision, a.closed, a.debits_frozen, a.credits_frozen, a.debit_limit, a.credit_limit)
    IS DISTINCT FROM (r.revisions::integer, l.revision, l.closed, l.debits_frozen, l.credits_frozen, l.debit_limit, l.credit_limit)
ORDER BY a.account_id LIMIT 1
