-- The next holds after %(after)s and %(after_id)s, by time of expiry, that expire by %(through)s, and how each was
-- resolved. The limit stands before the look-up of resolutions: a read is bounded whatever was resolved.
SELECT h.transfer_id::text, h.expires_at, h.kind, h.payment_id::text, r.phase AS resolved
FROM (
    SELECT transfer_id, expires_at, kind, payment_id FROM ledger.transfer
    WHERE book_id = %(book_id)s AND phase = 'pending' AND expires_at IS NOT NULL
        AND expires_at >= %(after)s AND (expires_at > %(after)s OR transfer_id > %(after_id)s) AND expires_at <= %(through)s
    ORDER BY expires_at, transfer_id LIMIT %(limit)s
) AS h
LEFT JOIN ledger.resolution r ON r.book_id = %(book_id)s AND r.pending_id = h.transfer_id
ORDER BY h.expires_at, h.transfer_id
