-- Books in which a hold has expired by %(now)s and is not resolved.
SELECT DISTINCT h.book_id FROM ledger.transfer h
WHERE h.book_id = ANY (%(book_ids)s) AND h.phase = 'pending' AND h.expires_at IS NOT NULL AND h.expires_at <= %(now)s
    AND NOT EXISTS (SELECT FROM ledger.resolution r WHERE r.book_id = h.book_id AND r.pending_id = h.transfer_id)
ORDER BY h.book_id
