-- Currencies whose debits and credits do not sum to zero over the book.
SELECT NULL::text AS transfer_id, NULL::bigint AS account_id,
    format('%%s: debits are %%s, credits %%s', currency, sum(debits_posted), sum(credits_posted)) AS difference
FROM ledger.account WHERE book_id = %(book_id)s
GROUP BY currency
HAVING sum(debits_posted) <> sum(credits_posted) OR sum(debits_pending) <> sum(credits_pending)
ORDER BY currency LIMIT 1
