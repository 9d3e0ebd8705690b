-- Of blocks, what is archived: whether all of a block's transfers are, else which, and their hashes.
SELECT a.height, bool_or(a.sequences IS NULL) AS complete,
    ARRAY(SELECT unnest(p.sequences) FROM ledger.archive_block p
        WHERE p.book_id = %(book_id)s AND p.height = a.height ORDER BY p.month) AS sequences,
    ARRAY(SELECT unnest(p.leaves) FROM ledger.archive_block p
        WHERE p.book_id = %(book_id)s AND p.height = a.height ORDER BY p.month) AS leaves
FROM ledger.archive_block a
WHERE a.book_id = %(book_id)s AND a.height BETWEEN %(first)s AND %(last)s
GROUP BY a.height ORDER BY a.height
