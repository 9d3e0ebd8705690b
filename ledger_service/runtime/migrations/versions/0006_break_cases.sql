-- What people do about breaks of reconciliation. A break is found by the close and named by its ref; here is
-- its life. Nothing is changed or taken back: the state of a case is what its events come to.

CREATE TABLE payments.break_case (
    book_id        integer NOT NULL,
    break_ref      text NOT NULL CHECK (break_ref ~ '^break:'),
    break_class    text NOT NULL,
    participant_id text NOT NULL,
    account_id     bigint,
    external_ref   text,
    currency       text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    first_seen     date NOT NULL,
    owner          text NOT NULL,
    PRIMARY KEY (book_id, break_ref)
);
COMMENT ON TABLE payments.break_case IS 'A break as it was when it was first seen.';
COMMENT ON COLUMN payments.break_case.break_ref IS 'As in the lake''s reconciliation_breaks.';
COMMENT ON COLUMN payments.break_case.owner IS 'The team that its class belongs to.';

CREATE TABLE payments.break_event (
    book_id          integer NOT NULL,
    break_ref        text NOT NULL,
    number           integer NOT NULL CHECK (number > 0),
    event            text NOT NULL CHECK (event IN ('opened', 'changed', 'assigned', 'commented',
        'write_off_proposed', 'write_off_approved', 'write_off_refused', 'resolved', 'reopened')),
    actor            text NOT NULL CHECK (actor = btrim(actor) AND actor <> ''),
    at               timestamptz NOT NULL,
    business_date    date,
    difference_minor bigint CHECK ((difference_minor IS NOT NULL) = (event IN ('opened', 'changed', 'write_off_proposed'))),
    assignee         text CHECK ((assignee IS NOT NULL) = (event = 'assigned')),
    words            text CHECK (words <> ''),
    proposed_by      text CHECK ((proposed_by IS NOT NULL) = (event IN ('write_off_approved', 'write_off_refused'))),
    transfer_id      uuid CHECK ((transfer_id IS NOT NULL) = (event = 'write_off_approved')),
    PRIMARY KEY (book_id, break_ref, number),
    FOREIGN KEY (book_id, break_ref) REFERENCES payments.break_case,
    CONSTRAINT maker_is_not_checker CHECK (lower(proposed_by) <> lower(actor))
);
CREATE UNIQUE INDEX break_written_off ON payments.break_event (book_id, transfer_id) WHERE transfer_id IS NOT NULL;
COMMENT ON TABLE payments.break_event IS 'The life of each case.';
COMMENT ON COLUMN payments.break_event.actor IS 'A person, or close for what the reconciliation of a date saw.';
COMMENT ON COLUMN payments.break_event.business_date IS 'Of the close that saw it; NULL for what people do.';
COMMENT ON COLUMN payments.break_event.difference_minor IS 'Stated less ledger, on the normal side of the account.';
COMMENT ON COLUMN payments.break_event.proposed_by IS 'Of the write-off that is decided: never who decides.';
COMMENT ON COLUMN payments.break_event.transfer_id IS 'The write-off in the book of the break.';

CREATE TABLE payments.break_sync (
    business_date date PRIMARY KEY,
    at            timestamptz NOT NULL
);
COMMENT ON TABLE payments.break_sync IS 'Closes whose breaks were taken over; an earlier one does not rewind a later one.';

DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['break_case', 'break_event', 'break_sync'] LOOP
        EXECUTE format('CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON payments.%I
            FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()', v_table);
        EXECUTE format('GRANT SELECT, INSERT ON payments.%I TO wgi_app', v_table);
        EXECUTE format('GRANT SELECT ON payments.%I TO wgi_close', v_table);
    END LOOP;
END $$;
