INSERT INTO payments.settlement_instruction_event (book_id, instruction_id, number, state, attempt, transfer_id, code, reason,
    reference, retry_at, at)
VALUES (%(book_id)s, %(instruction_id)s, %(number)s, %(state)s, %(attempt)s, %(transfer_id)s, %(code)s, %(reason)s,
    %(reference)s, %(retry_at)s, %(at)s)
