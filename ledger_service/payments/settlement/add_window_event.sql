INSERT INTO payments.settlement_window_event (book_id, scheme_id, window_number, number, state, run, event_to, at, detail)
SELECT %(book_id)s, %(scheme_id)s, %(window_number)s, 1 + coalesce(max(number), 0), %(state)s, %(run)s, %(event_to)s, %(at)s, %(detail)s
FROM payments.settlement_window_event
WHERE book_id = %(book_id)s AND scheme_id = %(scheme_id)s AND window_number = %(window_number)s
