-- What the ledger says of each closed date: counted and summed by PostgreSQL, sealed by the block.
SELECT t.book_id, t.business_date, t.currency, count(*) AS transfers, sum(t.amount)::text AS amount_minor,
    encode(b.merkle_root, 'hex') AS merkle_root
FROM ledger.transfer t JOIN ledger.block b ON b.book_id = t.book_id AND b.business_date = t.business_date
WHERE t.book_id = ANY ({book_ids}) AND t.business_date BETWEEN {first} AND {last}
GROUP BY t.book_id, t.business_date, t.currency, b.merkle_root
