-- Books whose last closed date is not that of their last close, or whose closes are out of order.
SELECT NULL::text AS transfer_id, NULL::bigint AS account_id,
    format('closed through %%s, the last close is that of %%s', s.closed_through, d.business_date) AS difference
FROM ledger.book_state s
LEFT JOIN LATERAL (
    SELECT max(business_date) AS business_date FROM ledger.business_day WHERE book_id = s.book_id) d ON true
WHERE s.book_id = %(book_id)s AND s.closed_through IS DISTINCT FROM d.business_date
UNION ALL
SELECT NULL, NULL, format('the close of %%s is event %%s, after that of a later date', d.business_date, d.sequence)
FROM (
    SELECT business_date, sequence, lag(sequence) OVER (ORDER BY business_date) AS before
    FROM ledger.business_day WHERE book_id = %(book_id)s
) d WHERE d.sequence <= d.before
LIMIT 1
