-- Transfers of a range of events that do not resolve a hold as they should: the hold stands before them,
-- between the same accounts, for as much; ledger.resolution says the same; deadlines were kept. Holds in
-- archived months are not here to be compared.
SELECT t.sequence, t.transfer_id::text, t.debit_account_id AS account_id,
    CASE WHEN r.transfer_id IS NULL THEN format('the ledger does not say that it ended hold %%s', t.pending_id)
         WHEN h.transfer_id IS NULL THEN format('there is no hold %%s', t.pending_id)
         ELSE format('it does not fit hold %%s of %%s from account %%s to %%s', h.transfer_id, h.amount, h.debit_account_id, h.credit_account_id)
    END AS difference
FROM ledger.transfer t
LEFT JOIN ledger.resolution r
    ON r.book_id = t.book_id AND r.pending_id = t.pending_id AND r.transfer_id = t.transfer_id AND r.phase = t.phase
LEFT JOIN ledger.transfer h ON h.book_id = t.book_id AND h.transfer_id = t.pending_id
CROSS JOIN (SELECT id_floor FROM ledger.book_state WHERE book_id = %(book_id)s) s
WHERE t.book_id = %(book_id)s AND t.sequence BETWEEN %(first)s AND %(last)s AND t.pending_id IS NOT NULL
    AND (h.transfer_id IS NOT NULL OR t.pending_id >= s.id_floor)
    AND (r.transfer_id IS NULL OR h.transfer_id IS NULL OR h.phase <> 'pending' OR h.sequence >= t.sequence
        OR h.debit_account_id <> t.debit_account_id OR h.credit_account_id <> t.credit_account_id
        OR t.pending <> -h.amount OR t.amount > h.amount OR (t.phase <> 'post' AND t.amount <> h.amount)
        OR (t.phase = 'post' AND h.expires_at <= t.booked_at)
        OR (t.phase = 'expire' AND (h.expires_at <= t.booked_at) IS NOT TRUE))
ORDER BY t.sequence LIMIT 1
