-- Windows of a scheme with their close and their state, in order; all of them, or one by its number.
SELECT w.number, w.business_date, w.window_id, coalesce(l.state, 'open') AS state, coalesce(l.run, 1) AS run,
    w.event_from, c.event_to, w.opened_at, c.at AS closed_at
FROM payments.settlement_window w
LEFT JOIN payments.settlement_window_event c ON (c.book_id, c.scheme_id, c.window_number, c.state, c.run)
    = (w.book_id, w.scheme_id, w.number, 'closed', 1)
LEFT JOIN LATERAL (
    SELECT e.state, e.run FROM payments.settlement_window_event e
    WHERE (e.book_id, e.scheme_id, e.window_number) = (w.book_id, w.scheme_id, w.number)
    ORDER BY e.number DESC LIMIT 1
) l ON true
WHERE w.book_id = %(book_id)s AND w.scheme_id = %(scheme_id)s
    AND (%(number)s::integer IS NULL OR w.number = %(number)s)
    AND (%(business_date)s::date IS NULL OR w.business_date = %(business_date)s)
ORDER BY w.number
