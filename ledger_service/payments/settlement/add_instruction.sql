INSERT INTO payments.settlement_instruction (book_id, instruction_id, scheme_id, window_number, run, participant_id, currency,
    direction, amount_minor, position_account_id, agent_account_id, instructed_at)
VALUES (%(book_id)s, %(instruction_id)s, %(scheme_id)s, %(window_number)s, %(run)s, %(participant_id)s, %(currency)s,
    %(direction)s, %(amount_minor)s, %(position_account_id)s, %(agent_account_id)s, %(at)s)
