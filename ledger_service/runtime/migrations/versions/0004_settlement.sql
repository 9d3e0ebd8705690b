-- Settlement: windows of schemes, net positions, instructions to the agent, repairs.
--
-- Balances, limits and holds are the ledger's; here is only what it does not know: which events of the
-- operator's book a window is, and what became of each instruction. Nothing is changed or taken back:
-- the state of a thing is that of its event with the highest number.

CREATE TABLE payments.settlement_scheme_event (
    book_id   integer NOT NULL REFERENCES ledger.book,
    scheme_id text NOT NULL,
    number    integer NOT NULL CHECK (number > 0),
    state     text NOT NULL CHECK (state IN ('suspended', 'resumed')),
    actor     text NOT NULL CHECK (actor <> ''),
    reason    text NOT NULL CHECK (reason <> ''),
    at        timestamptz NOT NULL,
    PRIMARY KEY (book_id, scheme_id, number)
);
COMMENT ON TABLE payments.settlement_scheme_event IS 'A scheme that is suspended accepts nothing until it is resumed.';
COMMENT ON COLUMN payments.settlement_scheme_event.book_id IS 'The operator''s book, here as in all tables of settlement.';

CREATE TABLE payments.settlement_window (
    book_id       integer NOT NULL REFERENCES ledger.book,
    scheme_id     text NOT NULL,
    number        integer NOT NULL CHECK (number > 0),
    business_date date NOT NULL,
    window_id     text NOT NULL,
    event_from    bigint NOT NULL CHECK (event_from >= 0),
    opened_at     timestamptz NOT NULL,
    PRIMARY KEY (book_id, scheme_id, number),
    UNIQUE (book_id, scheme_id, business_date, window_id)
);
COMMENT ON TABLE payments.settlement_window IS 'Windows of a scheme: each begins at the event of the book at which the one before ended.';
COMMENT ON COLUMN payments.settlement_window.number IS '1, 2, 3 ... of the scheme, without gaps.';
COMMENT ON COLUMN payments.settlement_window.event_from IS 'Number of the last event of the book before it.';
COMMENT ON COLUMN payments.settlement_window.opened_at IS 'By the clock that the operator was given.';

CREATE TABLE payments.settlement_window_event (
    book_id       integer NOT NULL,
    scheme_id     text NOT NULL,
    window_number integer NOT NULL,
    number        integer NOT NULL CHECK (number > 0),
    state         text NOT NULL CHECK (state IN ('closed', 'netted', 'instructed', 'settled', 'partly_settled', 'recast')),
    run           integer NOT NULL CHECK (run > 0),
    event_to      bigint CHECK ((event_to IS NOT NULL) = (state = 'closed')),
    at            timestamptz NOT NULL,
    detail        text,
    PRIMARY KEY (book_id, scheme_id, window_number, number),
    FOREIGN KEY (book_id, scheme_id, window_number) REFERENCES payments.settlement_window
);
CREATE UNIQUE INDEX settlement_window_once ON payments.settlement_window_event (book_id, scheme_id, window_number, state, run)
    WHERE state IN ('closed', 'netted', 'instructed', 'settled', 'recast');
COMMENT ON TABLE payments.settlement_window_event IS 'The life of each window; one without an event is open.';
COMMENT ON COLUMN payments.settlement_window_event.run IS '1, and one more with each recast.';
COMMENT ON COLUMN payments.settlement_window_event.event_to IS 'Of the close: number of the last event of the book in the window.';

CREATE TABLE payments.settlement_gross (
    book_id       integer NOT NULL,
    scheme_id     text NOT NULL,
    window_number integer NOT NULL,
    event_through bigint NOT NULL,
    currency      text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    gross_minor   numeric(38) NOT NULL CHECK (gross_minor >= 0),
    PRIMARY KEY (book_id, scheme_id, window_number, event_through, currency),
    FOREIGN KEY (book_id, scheme_id, window_number) REFERENCES payments.settlement_window
);
COMMENT ON TABLE payments.settlement_gross IS 'Of windows that close by amount: a running sum of the journal, so that each look reads what is new.';
COMMENT ON COLUMN payments.settlement_gross.event_through IS 'Last event of the book that is in the sum.';
COMMENT ON COLUMN payments.settlement_gross.gross_minor IS 'Obligations accepted in the window by then.';

CREATE TABLE payments.settlement_position (
    book_id        integer NOT NULL,
    scheme_id      text NOT NULL,
    window_number  integer NOT NULL,
    run            integer NOT NULL CHECK (run > 0),
    currency       text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    participant_id text NOT NULL,
    net_minor      bigint NOT NULL,
    PRIMARY KEY (book_id, scheme_id, window_number, run, currency, participant_id),
    FOREIGN KEY (book_id, scheme_id, window_number) REFERENCES payments.settlement_window
);
COMMENT ON TABLE payments.settlement_position IS 'Net positions that a window is settled by; of a run and currency they sum to zero.';
COMMENT ON COLUMN payments.settlement_position.net_minor IS 'Positive receives, negative pays.';

CREATE TABLE payments.settlement_instruction (
    book_id             integer NOT NULL,
    instruction_id      uuid NOT NULL,
    scheme_id           text NOT NULL,
    window_number       integer NOT NULL,
    run                 integer NOT NULL CHECK (run > 0),
    participant_id      text NOT NULL,
    currency            text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    direction           text NOT NULL CHECK (direction IN ('pay_in', 'pay_out')),
    amount_minor        bigint NOT NULL CHECK (amount_minor > 0),
    position_account_id bigint NOT NULL,
    agent_account_id    bigint NOT NULL,
    instructed_at       timestamptz NOT NULL,
    PRIMARY KEY (book_id, instruction_id),
    UNIQUE (book_id, scheme_id, window_number, run, participant_id, currency),
    FOREIGN KEY (book_id, scheme_id, window_number) REFERENCES payments.settlement_window,
    FOREIGN KEY (book_id, position_account_id) REFERENCES ledger.account,
    FOREIGN KEY (book_id, agent_account_id) REFERENCES ledger.account
);
COMMENT ON TABLE payments.settlement_instruction IS 'What the settlement agent is told to move for a participant.';
COMMENT ON COLUMN payments.settlement_instruction.instruction_id IS 'Derived from the window, run, participant and currency.';
COMMENT ON COLUMN payments.settlement_instruction.direction IS 'pay_in: the participant pays; pay_out: it is paid.';

CREATE TABLE payments.settlement_instruction_event (
    book_id        integer NOT NULL,
    instruction_id uuid NOT NULL,
    number         integer NOT NULL CHECK (number > 0),
    state          text NOT NULL CHECK (state IN ('instructed', 'confirmed', 'rejected', 'withdrawn')),
    attempt        integer NOT NULL CHECK (attempt > 0),
    transfer_id    uuid,
    code           text CHECK (state <> 'rejected' OR code IS NOT NULL),
    reason         text,
    reference      text CHECK ((reference IS NOT NULL) = (state = 'confirmed')),
    retry_at       timestamptz CHECK (retry_at IS NULL OR state = 'rejected'),
    at             timestamptz NOT NULL,
    PRIMARY KEY (book_id, instruction_id, number),
    FOREIGN KEY (book_id, instruction_id) REFERENCES payments.settlement_instruction
);
CREATE UNIQUE INDEX settlement_instruction_final ON payments.settlement_instruction_event (book_id, instruction_id)
    WHERE state = 'confirmed';
COMMENT ON TABLE payments.settlement_instruction_event IS 'The life of each instruction; confirmed is final.';
COMMENT ON COLUMN payments.settlement_instruction_event.attempt IS '1, and one more with each retry.';
COMMENT ON COLUMN payments.settlement_instruction_event.transfer_id IS 'The hold, its posting or its void in the operator''s book; NULL where the ledger refused the hold.';
COMMENT ON COLUMN payments.settlement_instruction_event.code IS 'The agent''s reason, or the ledger''s.';
COMMENT ON COLUMN payments.settlement_instruction_event.reference IS 'Of the agent''s confirmation.';
COMMENT ON COLUMN payments.settlement_instruction_event.retry_at IS 'When it is tried again by itself; NULL: it waits for a repair.';
COMMENT ON COLUMN payments.settlement_instruction_event.at IS 'Of a confirmation: the time of finality.';

CREATE TABLE payments.settlement_exclusion (
    book_id       integer NOT NULL,
    transfer_id   uuid NOT NULL,
    scheme_id     text NOT NULL,
    window_number integer NOT NULL,
    run           integer NOT NULL CHECK (run > 1),
    payment_id    uuid NOT NULL,
    reversal_id   uuid NOT NULL,
    reason        text NOT NULL CHECK (reason <> ''),
    at            timestamptz NOT NULL,
    PRIMARY KEY (book_id, transfer_id),
    FOREIGN KEY (book_id, scheme_id, window_number) REFERENCES payments.settlement_window
);
CREATE INDEX settlement_exclusion_by_window ON payments.settlement_exclusion (book_id, scheme_id, window_number);
COMMENT ON TABLE payments.settlement_exclusion IS 'Obligations that a recast gave back, each with its transfer and the reversal.';
COMMENT ON COLUMN payments.settlement_exclusion.run IS 'The first run without it.';

CREATE TABLE payments.settlement_repair (
    book_id        integer NOT NULL,
    repair_id      uuid NOT NULL,
    instruction_id uuid NOT NULL,
    attempt        integer NOT NULL CHECK (attempt > 0),
    action         text NOT NULL CHECK (action IN ('retry', 'cancel', 'confirm')),
    evidence       text CHECK (action <> 'confirm' OR evidence <> '' AND evidence IS NOT NULL),
    reason         text NOT NULL CHECK (reason <> ''),
    proposed_by    text NOT NULL CHECK (proposed_by = btrim(proposed_by) AND proposed_by <> ''),
    proposed_at    timestamptz NOT NULL,
    PRIMARY KEY (book_id, repair_id),
    UNIQUE (book_id, repair_id, proposed_by),
    FOREIGN KEY (book_id, instruction_id) REFERENCES payments.settlement_instruction
);
COMMENT ON TABLE payments.settlement_repair IS 'What one person proposes to do with an instruction that was rejected.';
COMMENT ON COLUMN payments.settlement_repair.attempt IS 'The attempt that was rejected; a repair of an earlier one has lapsed.';
COMMENT ON COLUMN payments.settlement_repair.evidence IS 'Of confirm: the reference by which the agent settled all the same.';

CREATE TABLE payments.settlement_repair_decision (
    book_id     integer NOT NULL,
    repair_id   uuid NOT NULL,
    proposed_by text NOT NULL,
    decision    text NOT NULL CHECK (decision IN ('approved', 'refused')),
    decided_by  text NOT NULL CHECK (decided_by = btrim(decided_by) AND decided_by <> ''),
    decided_at  timestamptz NOT NULL,
    PRIMARY KEY (book_id, repair_id),
    FOREIGN KEY (book_id, repair_id, proposed_by) REFERENCES payments.settlement_repair (book_id, repair_id, proposed_by),
    CONSTRAINT maker_is_not_checker CHECK (lower(decided_by) <> lower(proposed_by))
);
COMMENT ON TABLE payments.settlement_repair_decision IS 'What another person decided of it: once, and never who proposed it.';

DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['settlement_scheme_event', 'settlement_window', 'settlement_window_event', 'settlement_gross',
        'settlement_position', 'settlement_instruction', 'settlement_instruction_event', 'settlement_exclusion',
        'settlement_repair', 'settlement_repair_decision'] LOOP
        EXECUTE format('CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON payments.%I
            FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()', v_table);
        EXECUTE format('GRANT SELECT, INSERT ON payments.%I TO wgi_app', v_table);
        EXECUTE format('GRANT SELECT ON payments.%I TO wgi_close', v_table);
    END LOOP;
END $$;
