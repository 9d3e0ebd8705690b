-- Payments: what was instructed, what came of it, and what was refused.
--
-- book_id leads the primary key of every table that belongs to a book. The application inserts and
-- reads; but for the counts of a file that is tried again, nothing is changed or taken back.

CREATE SCHEMA payments;

CREATE TABLE payments.payment (
    book_id              integer NOT NULL REFERENCES ledger.book,
    payment_id           uuid NOT NULL,
    business_date        date NOT NULL,
    status               text NOT NULL CHECK (status IN ('booked', 'refused')),
    code                 text CHECK (status = 'booked' OR code IS NOT NULL),
    kind                 text NOT NULL,
    uetr                 uuid,
    end_to_end_id        text,
    event_at             timestamptz NOT NULL,
    value_date           date NOT NULL,
    currency             text NOT NULL,
    amount_minor         bigint NOT NULL CHECK (amount_minor > 0),
    debtor_agent         text,
    debtor_account       text,
    debtor_name          text,
    creditor_agent       text,
    creditor_account     text,
    creditor_name        text,
    counter_currency     text,
    counter_amount_minor bigint CHECK (counter_amount_minor > 0),
    purpose              text,
    channel              text,
    merchant_category    text,
    source_file          text NOT NULL,
    source_row           bigint NOT NULL,
    PRIMARY KEY (book_id, payment_id)
);
COMMENT ON TABLE payments.payment IS 'Payment instructions that reached the ledger, in the debtor agent''s book, or the creditor agent''s when that has none.';
COMMENT ON COLUMN payments.payment.code IS 'The ledger''s answer: why it was refused, or why a booked one waits on unapplied receipts; NULL when all went well.';
CREATE INDEX payment_by_id ON payments.payment (payment_id);
CREATE INDEX payment_by_business_date ON payments.payment (business_date, book_id);

CREATE TABLE payments.stated_balance (
    book_id              integer NOT NULL,
    account_id           bigint NOT NULL,
    payment_id           uuid NOT NULL,
    business_date        date NOT NULL,
    currency             text NOT NULL,
    stated_balance_minor bigint NOT NULL,
    source_file          text NOT NULL,
    source_row           bigint NOT NULL,
    PRIMARY KEY (book_id, account_id, payment_id),
    FOREIGN KEY (book_id, account_id) REFERENCES ledger.account
);
COMMENT ON TABLE payments.stated_balance IS 'The balance after a payment as the source states it, on the account''s normal side.';
CREATE INDEX stated_balance_by_business_date ON payments.stated_balance (business_date, book_id);

CREATE TABLE payments.quarantine (
    business_date date NOT NULL,
    source_file   text NOT NULL,
    "row"         bigint NOT NULL CHECK ("row" >= 0),
    field         text NOT NULL,
    code          text NOT NULL,
    message       text NOT NULL,
    content       text NOT NULL,
    PRIMARY KEY (business_date, source_file, "row", field, code)
);
CREATE INDEX quarantine_by_file ON payments.quarantine (source_file, "row");
COMMENT ON TABLE payments.quarantine IS 'Refused input rows: where, why, and what to do. Row 0 is the whole file.';

CREATE TABLE payments.received_file (
    business_date date NOT NULL,
    source_file   text NOT NULL,
    sha256        text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    rows          bigint NOT NULL,
    accepted      bigint NOT NULL,
    rejected      bigint NOT NULL,
    PRIMARY KEY (business_date, source_file, sha256)
);
COMMENT ON TABLE payments.received_file IS 'Files that are booked whole, by content: a second delivery is recognised. Accepted rows are those handed to the ledger.';

-- ---------------------------------------------------------------------------------------------------
-- What a bank delivers beside its payments
-- ---------------------------------------------------------------------------------------------------

CREATE TABLE payments.district (
    book_id                   integer NOT NULL REFERENCES ledger.book,
    district_id               integer NOT NULL,
    name                      text NOT NULL,
    region                    text NOT NULL,
    inhabitants               integer NOT NULL,
    cities                    integer NOT NULL,
    urban_percent             numeric(8, 2) NOT NULL,
    average_salary            integer NOT NULL,
    unemployment_1995_percent numeric(8, 2),
    unemployment_1996_percent numeric(8, 2),
    entrepreneurs_per_1000    integer NOT NULL,
    crimes_1995               integer,
    crimes_1996               integer,
    PRIMARY KEY (book_id, district_id)
);

CREATE TABLE payments.party (
    book_id     integer NOT NULL REFERENCES ledger.book,
    party_id    text NOT NULL,
    birth_date  date,
    sex         text CHECK (sex IN ('F', 'M')),
    district_id integer,
    PRIMARY KEY (book_id, party_id)
);

CREATE TABLE payments.account_terms (
    book_id             integer NOT NULL REFERENCES ledger.book,
    account             text NOT NULL,
    district_id         integer,
    statement_frequency text NOT NULL CHECK (statement_frequency IN ('monthly', 'weekly', 'after_transaction')),
    PRIMARY KEY (book_id, account)
);

CREATE TABLE payments.disposition (
    book_id        integer NOT NULL REFERENCES ledger.book,
    disposition_id bigint NOT NULL,
    party_id       text NOT NULL,
    account        text NOT NULL,
    role           text NOT NULL CHECK (role IN ('owner', 'authorised_user')),
    PRIMARY KEY (book_id, disposition_id)
);
COMMENT ON TABLE payments.disposition IS 'Who may use which account.';

CREATE TABLE payments.card (
    book_id        integer NOT NULL REFERENCES ledger.book,
    card_id        bigint NOT NULL,
    disposition_id bigint NOT NULL,
    card_type      text NOT NULL,
    issued_on      date NOT NULL,
    PRIMARY KEY (book_id, card_id)
);

CREATE TABLE payments.loan (
    book_id          integer NOT NULL REFERENCES ledger.book,
    loan_id          bigint NOT NULL,
    account          text NOT NULL,
    granted_on       date NOT NULL,
    currency         text NOT NULL,
    principal_minor  bigint NOT NULL CHECK (principal_minor > 0),
    duration_months  integer NOT NULL CHECK (duration_months > 0),
    instalment_minor bigint NOT NULL CHECK (instalment_minor > 0),
    outcome          text,
    PRIMARY KEY (book_id, loan_id)
);
COMMENT ON COLUMN payments.loan.outcome IS 'As the source states it at its end: a label, never known on granted_on.';

CREATE TABLE payments.standing_order (
    book_id          integer NOT NULL REFERENCES ledger.book,
    order_id         bigint NOT NULL,
    account          text NOT NULL,
    creditor_agent   text NOT NULL,
    creditor_account text NOT NULL,
    currency         text NOT NULL,
    amount_minor     bigint NOT NULL CHECK (amount_minor > 0),
    purpose          text,
    PRIMARY KEY (book_id, order_id)
);

-- ---------------------------------------------------------------------------------------------------
-- Who may do what
-- ---------------------------------------------------------------------------------------------------

GRANT USAGE ON SCHEMA payments TO wgi_app, wgi_close;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA payments TO wgi_app;
GRANT UPDATE (accepted, rejected) ON payments.received_file TO wgi_app;
GRANT SELECT ON ALL TABLES IN SCHEMA payments TO wgi_close;
