-- The transfers that moved the money of some payments, in one book and of one business date, by payment and in order.
SELECT payment_id::text, transfer_id::text
FROM ledger.transfer
WHERE book_id = %(book_id)s AND business_date = %(business_date)s AND payment_id = ANY (%(payment_ids)s)
    AND phase IN ('single', 'post') AND reverses_id IS NULL
ORDER BY payment_id, sequence
