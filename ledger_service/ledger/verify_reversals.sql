-- Reversals of a range of events that do not return money of their original in order, at most what it
-- moved, or of which ledger.reversal says something else. Originals in archived months are not here.
SELECT t.sequence, t.transfer_id::text, t.debit_account_id AS account_id,
    CASE WHEN r.transfer_id IS NULL THEN format('the ledger does not say that it reverses %%s', t.reverses_id)
         WHEN o.transfer_id IS NULL THEN format('there is no transfer %%s', t.reverses_id)
         ELSE format('as reversal %%s it brings to %%s what is returned of the %%s of transfer %%s, after %%s',
             r.ordinal, r.reversed_after, o.amount, o.transfer_id, coalesce(p.reversed_after, 0)) END AS difference
FROM ledger.transfer t
LEFT JOIN ledger.reversal r ON r.book_id = t.book_id AND r.reversed_id = t.reverses_id AND r.transfer_id = t.transfer_id
LEFT JOIN ledger.reversal p ON p.book_id = t.book_id AND p.reversed_id = t.reverses_id AND p.ordinal = r.ordinal - 1
LEFT JOIN ledger.transfer b ON b.book_id = t.book_id AND b.transfer_id = p.transfer_id
LEFT JOIN ledger.transfer o ON o.book_id = t.book_id AND o.transfer_id = t.reverses_id
CROSS JOIN (SELECT id_floor FROM ledger.book_state WHERE book_id = %(book_id)s) s
WHERE t.book_id = %(book_id)s AND t.sequence BETWEEN %(first)s AND %(last)s AND t.reverses_id IS NOT NULL
    AND (o.transfer_id IS NOT NULL OR t.reverses_id >= s.id_floor)
    AND (r.transfer_id IS NULL OR o.transfer_id IS NULL OR o.phase NOT IN ('single', 'post') OR o.reverses_id IS NOT NULL
        OR o.sequence >= t.sequence OR r.original_amount <> o.amount OR r.reversed_after <> coalesce(p.reversed_after, 0) + t.amount
        OR (r.ordinal > 1 AND p.ordinal IS NULL) OR b.sequence >= t.sequence
        OR o.debit_account_id <> t.credit_account_id OR o.credit_account_id <> t.debit_account_id)
ORDER BY t.sequence LIMIT 1
