-- Bank files: what goes to which bank, what became of it, and what banks answered.
--
-- A file belongs to a bank, not to a book: its payments may stand in several. Nothing here is changed or
-- taken back; the state of a file is that of its last event.

CREATE TABLE payments.bank_file (
    bank_id       text NOT NULL,
    file_id       text NOT NULL CHECK (length(file_id) BETWEEN 1 AND 64),
    business_date date NOT NULL,
    sequence      integer NOT NULL CHECK (sequence > 0),
    name          text NOT NULL,
    format        text NOT NULL,
    sha256        text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    size          bigint NOT NULL CHECK (size > 0),
    payments      bigint NOT NULL CHECK (payments >= 0),
    currency      text NOT NULL,
    total_minor   bigint NOT NULL CHECK (total_minor >= 0),
    PRIMARY KEY (bank_id, file_id),
    UNIQUE (bank_id, business_date, sequence),
    UNIQUE (bank_id, sha256)
);
COMMENT ON TABLE payments.bank_file IS 'Files for banks: a bank gets each once, and no content under two ids.';
COMMENT ON COLUMN payments.bank_file.file_id IS 'Message id of the file; unique for the bank.';
COMMENT ON COLUMN payments.bank_file.sequence IS '1, 2, 3 ... per bank and business date, without gaps.';
COMMENT ON COLUMN payments.bank_file.name IS 'Under which the bank gets it.';
COMMENT ON COLUMN payments.bank_file.total_minor IS 'Sum of its payments, in minor units of currency.';

CREATE TABLE payments.bank_file_event (
    bank_id text NOT NULL,
    file_id text NOT NULL,
    number  integer NOT NULL CHECK (number > 0),
    state   text NOT NULL CHECK (state IN ('queued', 'waiting', 'sending', 'uploaded', 'delivered', 'overdue',
        'acknowledged', 'accepted', 'partly_accepted', 'rejected', 'dead_letter')),
    at      timestamptz NOT NULL,
    exchange_date date NOT NULL,
    detail  text,
    PRIMARY KEY (bank_id, file_id, number),
    FOREIGN KEY (bank_id, file_id) REFERENCES payments.bank_file
);
CREATE INDEX bank_file_event_exchange_date ON payments.bank_file_event (exchange_date);
CREATE INDEX bank_file_business_date ON payments.bank_file (business_date);
COMMENT ON TABLE payments.bank_file_event IS 'The life of each file; its state is that of the event with the highest number.';
COMMENT ON COLUMN payments.bank_file_event.number IS '1, 2, 3 ... per file: of two processes that go on from one event, one is refused.';
COMMENT ON COLUMN payments.bank_file_event.at IS 'By the clock that the delivery was given.';
COMMENT ON COLUMN payments.bank_file_event.exchange_date IS 'Business date whose exchange with the bank it happened in: what was known then.';
COMMENT ON COLUMN payments.bank_file_event.detail IS 'Why, in words: the try, the error, the answer.';

CREATE TABLE payments.bank_answer (
    bank_id     text NOT NULL,
    sha256      text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    number      integer NOT NULL CHECK (number > 0),
    name        text NOT NULL,
    cursor      text,
    size        bigint NOT NULL CHECK (size >= 0),
    received_at timestamptz NOT NULL,
    exchange_date date NOT NULL,
    repeated    boolean NOT NULL,
    PRIMARY KEY (bank_id, number)
);
CREATE UNIQUE INDEX bank_answer_content ON payments.bank_answer (bank_id, sha256) WHERE NOT repeated;
CREATE INDEX bank_answer_exchange_date ON payments.bank_answer (exchange_date);
COMMENT ON TABLE payments.bank_answer IS 'Files that banks sent: their content is their identity; what comes again is marked, and counts once.';
COMMENT ON COLUMN payments.bank_answer.number IS '1, 2, 3 ... per bank, in the order of receipt.';
COMMENT ON COLUMN payments.bank_answer.exchange_date IS 'Business date whose exchange brought it, whatever date it speaks of.';
COMMENT ON COLUMN payments.bank_answer.repeated IS 'The bank had sent that content before, perhaps under another name.';
COMMENT ON COLUMN payments.bank_answer.cursor IS 'Where to go on asking the bank; NULL of what was asked for by name.';

CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON payments.bank_file
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON payments.bank_file_event
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON payments.bank_answer
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

GRANT SELECT, INSERT ON payments.bank_file, payments.bank_file_event, payments.bank_answer TO wgi_app;
GRANT SELECT ON payments.bank_file, payments.bank_file_event, payments.bank_answer TO wgi_close;
