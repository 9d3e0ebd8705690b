-- Transfers of dates that the chain of seals has passed over.
SELECT t.transfer_id::text, NULL::bigint AS account_id,
    format('the transfer is of %%s, which has no block although later dates are sealed', t.business_date) AS difference
FROM ledger.transfer t
WHERE t.book_id = %(book_id)s
    AND t.business_date < (SELECT max(business_date) FROM ledger.block WHERE book_id = %(book_id)s)
    AND NOT EXISTS (SELECT FROM ledger.block b WHERE b.book_id = t.book_id AND b.business_date = t.business_date)
ORDER BY t.business_date, t.transfer_id LIMIT 1
