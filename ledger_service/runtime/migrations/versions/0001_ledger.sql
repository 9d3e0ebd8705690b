-- The ledger: the strongest public semantics (two-phase double entry) on PostgreSQL.
--
-- book_id leads every primary key, unique constraint and foreign key of the books, so that they can
-- be spread over nodes by it. Global lists (participant, book) are reference tables.

CREATE SCHEMA ledger;
COMMENT ON SCHEMA ledger IS 'The books: accounts, the journal of transfers, closed dates, seals. Amounts are integer minor units; only functions write.';

-- ---------------------------------------------------------------------------------------------------
-- Global lists
-- ---------------------------------------------------------------------------------------------------

CREATE TABLE ledger.participant (
    participant_id text PRIMARY KEY CHECK (participant_id ~ '^[A-Z0-9][A-Z0-9-]{1,31}$'),
    name           text NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('bank', 'mobile_money', 'fintech', 'partner_bank')),
    country        text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
    bic            text CHECK (bic ~ '^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$'),
    home_currency  text NOT NULL CHECK (home_currency ~ '^[A-Z]{3}$')
);
COMMENT ON TABLE ledger.participant IS 'Banks, operators and fintechs; those without a book are external.';
COMMENT ON COLUMN ledger.participant.participant_id IS 'Such as KE-B01; the name by which commands and files know it.';
COMMENT ON COLUMN ledger.participant.name IS 'Its full name.';
COMMENT ON COLUMN ledger.participant.kind IS 'bank, mobile_money, fintech, or partner_bank outside the platform.';
COMMENT ON COLUMN ledger.participant.country IS 'ISO 3166-1 alpha-2.';
COMMENT ON COLUMN ledger.participant.bic IS 'ISO 9362; NULL where it has none.';
COMMENT ON COLUMN ledger.participant.home_currency IS 'ISO 4217.';

CREATE TABLE ledger.book (
    book_id        integer PRIMARY KEY CHECK (book_id > 0),
    participant_id text NOT NULL UNIQUE REFERENCES ledger.participant
);
COMMENT ON TABLE ledger.book IS 'One participant''s ledger.';
COMMENT ON COLUMN ledger.book.book_id IS 'Leads every key of what belongs to the book.';
COMMENT ON COLUMN ledger.book.participant_id IS 'Whose ledger it is.';

-- ---------------------------------------------------------------------------------------------------
-- The state of a book
-- ---------------------------------------------------------------------------------------------------

CREATE TABLE ledger.book_state (
    book_id        integer PRIMARY KEY REFERENCES ledger.book,
    epoch          integer NOT NULL DEFAULT 1,
    sequence       bigint NOT NULL DEFAULT 0,
    closed_through date,
    id_floor       uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000'
) WITH (fillfactor = 10);  -- one row a book, a new version a batch: room to stay on its page
COMMENT ON TABLE ledger.book_state IS
    'What every writer of a book locks first, and holds until it commits: the order of a book''s events is the order of their commits.';
COMMENT ON COLUMN ledger.book_state.book_id IS 'The book.';
COMMENT ON COLUMN ledger.book_state.epoch IS 'Raised when the database is restored or the book moved: a cursor of another epoch must begin anew.';
COMMENT ON COLUMN ledger.book_state.sequence IS 'Number of the book''s last event; events are numbered 1, 2, 3 ... without gaps, in the order of commits.';
COMMENT ON COLUMN ledger.book_state.closed_through IS 'Business dates up to and including this one accept no more transfers.';
COMMENT ON COLUMN ledger.book_state.id_floor IS 'Transfers with ids below it are archived: whether an id was used is not known here any more.';

CREATE TABLE ledger.business_day (
    book_id       integer NOT NULL REFERENCES ledger.book,
    business_date date NOT NULL,
    closed_at     timestamptz NOT NULL,
    sequence      bigint NOT NULL,
    PRIMARY KEY (book_id, business_date)
);
COMMENT ON TABLE ledger.business_day IS 'Each close of a business date; its transfers have numbers below that of the close.';
COMMENT ON COLUMN ledger.business_day.book_id IS 'The book.';
COMMENT ON COLUMN ledger.business_day.business_date IS 'It and all dates before it accept no more transfers.';
COMMENT ON COLUMN ledger.business_day.closed_at IS 'When it was closed.';
COMMENT ON COLUMN ledger.business_day.sequence IS 'The close''s own number among the events of the book.';

-- ---------------------------------------------------------------------------------------------------
-- Accounts
-- ---------------------------------------------------------------------------------------------------

-- What posting reads and writes stands first, in columns of fixed width: so it is found without a walk
-- through the row. Checks are few for the same reason: all are made at every posting.
CREATE TABLE ledger.account (
    book_id           integer NOT NULL REFERENCES ledger.book,
    revision          integer NOT NULL DEFAULT 1,
    account_id        bigint NOT NULL,
    version           bigint NOT NULL DEFAULT 0,
    debits_posted     bigint NOT NULL DEFAULT 0,
    credits_posted    bigint NOT NULL DEFAULT 0,
    debits_pending    bigint NOT NULL DEFAULT 0,
    credits_pending   bigint NOT NULL DEFAULT 0,
    last_booked_at    timestamptz NOT NULL DEFAULT '-infinity',
    last_value_date   date NOT NULL DEFAULT '-infinity',
    closed            boolean NOT NULL DEFAULT false,
    debits_frozen     boolean NOT NULL DEFAULT false,
    credits_frozen    boolean NOT NULL DEFAULT false,
    currency          text NOT NULL,
    debit_limit       bigint,
    credit_limit      bigint,
    chart_code        integer NOT NULL,
    normal_side       text NOT NULL,
    external_ref      text NOT NULL,
    parent_account_id bigint,
    counterparty_id   text REFERENCES ledger.participant,
    party_id          text,
    party_kind        text,
    holder_name       text,
    opened_on         date NOT NULL,
    PRIMARY KEY (book_id, account_id),
    UNIQUE (book_id, external_ref),
    FOREIGN KEY (book_id, parent_account_id) REFERENCES ledger.account,
    CONSTRAINT totals_not_negative CHECK (
        debits_posted >= 0 AND credits_posted >= 0 AND debits_pending >= 0 AND credits_pending >= 0),
    -- Differences of non-negative bigints cannot overflow.
    CONSTRAINT limits_kept CHECK (
        (debit_limit IS NULL OR debits_posted - credits_posted <= debit_limit - debits_pending)
        AND (credit_limit IS NULL OR credits_posted - debits_posted <= credit_limit - credits_pending))
) WITH (fillfactor = 60);
CREATE INDEX account_by_chart ON ledger.account (book_id, chart_code, currency);
CREATE INDEX account_by_parent ON ledger.account (book_id, parent_account_id) WHERE parent_account_id IS NOT NULL;
COMMENT ON TABLE ledger.account IS 'One currency, four totals: debits and credits, posted and pending.';
COMMENT ON COLUMN ledger.account.book_id IS 'The book.';
COMMENT ON COLUMN ledger.account.account_id IS 'Chosen by the caller, unique in the book.';
COMMENT ON COLUMN ledger.account.debits_posted IS 'Sum of posted debits, in minor units.';
COMMENT ON COLUMN ledger.account.credits_posted IS 'Sum of posted credits, in minor units.';
COMMENT ON COLUMN ledger.account.debits_pending IS 'Sum of debits held, in minor units.';
COMMENT ON COLUMN ledger.account.credits_pending IS 'Sum of credits held, in minor units.';
COMMENT ON COLUMN ledger.account.last_booked_at IS 'When its last entry was booked; -infinity before the first.';
COMMENT ON COLUMN ledger.account.currency IS 'ISO 4217; amounts are in its minor units.';
COMMENT ON COLUMN ledger.account.party_id IS 'Of a customer account: its holder.';
COMMENT ON COLUMN ledger.account.party_kind IS 'person, freelancer or sme.';
COMMENT ON COLUMN ledger.account.holder_name IS 'The holder''s name.';
COMMENT ON COLUMN ledger.account.opened_on IS 'Date of its opening.';
COMMENT ON COLUMN ledger.account.external_ref IS 'The account number that the outside world uses, unique in the book.';
COMMENT ON COLUMN ledger.account.chart_code IS 'Line of the chart of accounts.';
COMMENT ON COLUMN ledger.account.normal_side IS 'Side on which it grows: D or C.';
COMMENT ON COLUMN ledger.account.parent_account_id IS 'The account whose balance includes this one''s; both have one currency.';
COMMENT ON COLUMN ledger.account.counterparty_id IS 'Of a clearing or nostro account: the other participant.';
COMMENT ON COLUMN ledger.account.revision IS 'Number of its last row in account_revision.';
COMMENT ON COLUMN ledger.account.closed IS 'Accepts nothing; only an account without balance and holds is closed. It can be opened again.';
COMMENT ON COLUMN ledger.account.debits_frozen IS 'No debits for the time being; holds can always be released.';
COMMENT ON COLUMN ledger.account.credits_frozen IS 'No credits for the time being; holds can always be released.';
COMMENT ON COLUMN ledger.account.debit_limit IS
    'By how much debits (posted and pending) may exceed credits, in minor units: 0 is debits_must_not_exceed_credits, N a credit line, NULL no constraint.';
COMMENT ON COLUMN ledger.account.credit_limit IS 'The mirror: by how much credits (posted and pending) may exceed debits.';
COMMENT ON COLUMN ledger.account.version IS 'Number of the account''s last entry; entries are numbered 1, 2, 3 ... without gaps.';
COMMENT ON COLUMN ledger.account.last_value_date IS 'The latest value date of its entries; an entry valued before it is marked backdated.';

CREATE TABLE ledger.account_revision (
    book_id      integer NOT NULL,
    account_id   bigint NOT NULL,
    revision     integer NOT NULL CHECK (revision > 0),
    sequence     bigint NOT NULL,
    changed_at   timestamptz NOT NULL,
    closed       boolean NOT NULL,
    debits_frozen boolean NOT NULL,
    credits_frozen boolean NOT NULL,
    debit_limit  bigint,
    credit_limit bigint,
    reason       text NOT NULL,
    PRIMARY KEY (book_id, account_id, revision),
    FOREIGN KEY (book_id, account_id) REFERENCES ledger.account
);
CREATE UNIQUE INDEX account_revision_by_sequence ON ledger.account_revision (book_id, sequence);
COMMENT ON TABLE ledger.account_revision IS 'Every version of what can change on an account beside its totals, from its opening on.';
COMMENT ON COLUMN ledger.account_revision.book_id IS 'The book.';
COMMENT ON COLUMN ledger.account_revision.account_id IS 'The account.';
COMMENT ON COLUMN ledger.account_revision.revision IS '1 when it was opened, then 2, 3 ...';
COMMENT ON COLUMN ledger.account_revision.sequence IS 'Its number among the events of the book.';
COMMENT ON COLUMN ledger.account_revision.changed_at IS 'When the ledger changed it.';
COMMENT ON COLUMN ledger.account_revision.closed IS 'As in ledger.account, from then on.';
COMMENT ON COLUMN ledger.account_revision.debits_frozen IS 'As in ledger.account, from then on.';
COMMENT ON COLUMN ledger.account_revision.credits_frozen IS 'As in ledger.account, from then on.';
COMMENT ON COLUMN ledger.account_revision.debit_limit IS 'As in ledger.account, from then on.';
COMMENT ON COLUMN ledger.account_revision.credit_limit IS 'As in ledger.account, from then on.';
COMMENT ON COLUMN ledger.account_revision.reason IS 'Why, in the words of who changed it.';
