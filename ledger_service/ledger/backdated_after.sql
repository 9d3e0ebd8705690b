-- What backdated entries after a position, booked up to a time and valued up to a date, add to an account.
SELECT coalesce(sum(amount) FILTER (WHERE side = 'D'), 0)::bigint, coalesce(sum(amount) FILTER (WHERE side = 'C'), 0)::bigint,
    coalesce(sum(pending) FILTER (WHERE side = 'D'), 0)::bigint, coalesce(sum(pending) FILTER (WHERE side = 'C'), 0)::bigint
FROM ledger.entry
WHERE book_id = %(book_id)s AND account_id = %(account_id)s AND backdated AND booked_at >= %(booked_at)s
    AND (booked_at, version) > (%(booked_at)s::timestamptz, %(version)s::bigint)
    AND booked_at <= %(known_at)s AND value_date <= %(value_date)s
