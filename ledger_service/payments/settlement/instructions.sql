-- Instructions with their last event, of one window or of all, in order.
SELECT i.instruction_id::text, i.window_number, i.run, i.participant_id, i.currency, i.direction, i.amount_minor,
    i.position_account_id, i.agent_account_id, l.number, l.state, l.attempt, l.transfer_id::text, l.code, l.reason,
    l.reference, l.retry_at, l.at
FROM payments.settlement_instruction i
JOIN LATERAL (
    SELECT e.* FROM payments.settlement_instruction_event e
    WHERE (e.book_id, e.instruction_id) = (i.book_id, i.instruction_id)
    ORDER BY e.number DESC LIMIT 1
) l ON true
WHERE i.book_id = %(book_id)s AND i.scheme_id = %(scheme_id)s
    AND (%(window_number)s::integer IS NULL OR i.window_number = %(window_number)s)
    AND (%(instruction_id)s::uuid IS NULL OR i.instruction_id = %(instruction_id)s)
ORDER BY i.window_number, i.run, i.currency, i.direction, i.participant_id
