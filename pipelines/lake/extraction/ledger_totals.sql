-- What the ledger says of each closed date: counted, summed and hashed by PostgreSQL. The content of a
-- transfer is its fields joined by '|' in this order; absent ones are empty; times are microseconds since
-- 1970 UTC, dates ISO 8601 whatever the session's settings. Only `kind` is free text, so that no two
-- transfers have the same content.
SELECT t.book_id, t.business_date, t.currency, count(*) AS transfers, sum(t.amount)::text AS amount_minor,
    encode(sha256(string_agg(sha256(convert_to(concat_ws('|',
        t.book_id, t.transfer_id, t.debit_account_id, t.credit_account_id, t.currency, t.amount, t.phase,
        coalesce(t.pending_id::text, ''), coalesce(t.reverses_id::text, ''), t.kind, coalesce(t.payment_id::text, ''),
        (extract(epoch FROM t.event_at) * 1000000)::bigint, (extract(epoch FROM t.booked_at) * 1000000)::bigint,
        to_char(t.value_date, 'YYYY-MM-DD'), to_char(t.business_date, 'YYYY-MM-DD')), 'UTF8')), ''
        ORDER BY t.transfer_id)), 'hex') AS content_sha256
FROM ledger.transfer t
WHERE t.book_id = ANY ({book_ids}) AND t.business_date BETWEEN {first} AND {last}
GROUP BY t.book_id, t.business_date, t.currency
