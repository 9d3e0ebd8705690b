-- Transfers that do not have exactly their two entries, or whose entries or accounts say something else.
-- A hold adds to pending; posting takes the whole hold off pending and adds what is posted.
WITH hold AS (
    SELECT t.transfer_id, p.amount FROM ledger.transfer t
    JOIN ledger.transfer p ON p.book_id = t.book_id AND p.transfer_id = t.pending_id
    WHERE t.book_id = %(book_id)s AND t.pending_id IS NOT NULL
), expected AS (
    SELECT t.transfer_id, side.side, side.account_id, t.currency, t.booked_at, t.business_date,
        CASE WHEN t.phase IN ('single', 'post') THEN t.amount ELSE 0 END AS amount,
        CASE t.phase WHEN 'single' THEN 0 WHEN 'pending' THEN t.amount ELSE -hold.amount END AS pending
    FROM ledger.transfer t LEFT JOIN hold USING (transfer_id)
    CROSS JOIN LATERAL (VALUES ('D', t.debit_account_id), ('C', t.credit_account_id)) AS side (side, account_id)
    WHERE t.book_id = %(book_id)s
), actual AS (
    SELECT transfer_id, side, account_id, a.currency, amount, pending, booked_at, business_date
    FROM ledger.entry LEFT JOIN ledger.account a USING (book_id, account_id) WHERE book_id = %(book_id)s
)
SELECT coalesce(e.transfer_id, a.transfer_id)::text AS transfer_id, coalesce(e.account_id, a.account_id) AS account_id,
    CASE WHEN a.transfer_id IS NULL THEN 'the transfer has no such entry'
         WHEN e.transfer_id IS NULL THEN 'the entry belongs to no transfer'
         ELSE format('the entry says %%s posted and %%s pending in %%s on %%s at %%s, the transfer %%s and %%s in %%s on %%s at %%s',
              a.amount, a.pending, a.currency, a.business_date, a.booked_at,
              e.amount, e.pending, e.currency, e.business_date, e.booked_at) END AS difference
FROM expected e FULL JOIN actual a ON a.transfer_id = e.transfer_id AND a.side = e.side AND a.account_id = e.account_id
WHERE e.transfer_id IS NULL OR a.transfer_id IS NULL OR a.amount <> e.amount OR a.pending IS DISTINCT FROM e.pending
    OR a.currency IS DISTINCT FROM e.currency OR a.booked_at <> e.booked_at OR a.business_date <> e.business_date
ORDER BY 1, 2 LIMIT 1
