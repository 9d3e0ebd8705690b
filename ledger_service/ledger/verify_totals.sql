-- Each account as posting left it. Times are microseconds, dates days since 2000-01-01; the currency is
-- its three letters as a number.
SELECT account_id,
    (ascii(currency)::bigint << 24) + (ascii(substr(currency, 2)) << 16) + (ascii(substr(currency, 3)) << 8) AS currency,
    version, debits_posted, credits_posted, debits_pending, credits_pending,
    CASE WHEN isfinite(last_booked_at) THEN (extract(epoch FROM last_booked_at) * 1000000)::bigint - 946684800000000
        ELSE -9223372036854775808 END AS booked_at,
    CASE WHEN isfinite(last_value_date) THEN (last_value_date - DATE '2000-01-01')::bigint
        ELSE -9223372036854775808 END AS value_date
FROM ledger.account WHERE book_id = %(book_id)s ORDER BY account_id
