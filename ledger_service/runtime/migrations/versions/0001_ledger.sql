-- The ledger: the strongest public semantics (two-phase double entry) on PostgreSQL.
--
-- book_id leads every primary key, unique constraint and foreign key of the books, so that they can
-- be spread over nodes by it. Global lists (participant, book) are reference tables.

CREATE SCHEMA ledger;

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

CREATE TABLE ledger.book (
    book_id        integer PRIMARY KEY CHECK (book_id > 0),
    participant_id text NOT NULL UNIQUE REFERENCES ledger.participant
);
COMMENT ON TABLE ledger.book IS 'One participant''s ledger.';

-- ---------------------------------------------------------------------------------------------------
-- The books
-- ---------------------------------------------------------------------------------------------------

CREATE TABLE ledger.book_state (
    book_id        integer PRIMARY KEY REFERENCES ledger.book,
    closed_through date
);
COMMENT ON COLUMN ledger.book_state.closed_through IS
    'Business dates up to and including this one accept no more transfers. Posting holds the row FOR SHARE, so that a close waits for transfers in flight and none slips behind it.';

CREATE TABLE ledger.business_day (
    book_id       integer NOT NULL REFERENCES ledger.book,
    business_date date NOT NULL,
    closed_at     timestamptz NOT NULL,
    closed_xid    xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (book_id, business_date)
);
COMMENT ON TABLE ledger.business_day IS 'Each close of a business date, with the transaction that made it.';

CREATE TABLE ledger.account (
    book_id        integer NOT NULL REFERENCES ledger.book,
    account_id     bigint NOT NULL CHECK (account_id > 0),
    external_ref   text NOT NULL CHECK (external_ref <> ''),
    chart_code     integer NOT NULL CHECK (chart_code BETWEEN 1000 AND 9999),
    normal_side    text NOT NULL CHECK (normal_side IN ('D', 'C')),
    currency       text NOT NULL CHECK (length(currency) = 3),  -- every check is paid for at every posting
    counterparty_id text REFERENCES ledger.participant,
    party_id       text,
    party_kind     text,
    holder_name    text,
    opened_on      date NOT NULL,
    state          text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'frozen', 'closed')),
    debit_limit    bigint CHECK (debit_limit >= 0),
    credit_limit   bigint CHECK (credit_limit >= 0),
    debits_posted  bigint NOT NULL DEFAULT 0 CHECK (debits_posted >= 0),
    credits_posted bigint NOT NULL DEFAULT 0 CHECK (credits_posted >= 0),
    debits_pending bigint NOT NULL DEFAULT 0 CHECK (debits_pending >= 0),
    credits_pending bigint NOT NULL DEFAULT 0 CHECK (credits_pending >= 0),
    version        bigint NOT NULL DEFAULT 0,
    last_booked_at timestamptz,
    PRIMARY KEY (book_id, account_id),
    UNIQUE (book_id, external_ref),
    -- Differences of non-negative bigints cannot overflow.
    CONSTRAINT debit_limit_kept CHECK (debits_posted - credits_posted <= debit_limit - debits_pending),
    CONSTRAINT credit_limit_kept CHECK (credits_posted - debits_posted <= credit_limit - credits_pending)
) WITH (fillfactor = 60);
COMMENT ON COLUMN ledger.account.debit_limit IS
    'By how much debits (posted and pending) may exceed credits, in minor units: 0 is debits_must_not_exceed_credits, N a credit line, NULL no constraint.';
COMMENT ON COLUMN ledger.account.credit_limit IS
    'The mirror: by how much credits (posted and pending) may exceed debits.';
COMMENT ON COLUMN ledger.account.version IS 'Number of the account''s last entry; entries are numbered 1, 2, 3 ... without gaps.';

CREATE TABLE ledger.transfer (
    book_id           integer NOT NULL,
    business_date     date NOT NULL,
    transfer_id       uuid NOT NULL,
    debit_account_id  bigint NOT NULL,
    credit_account_id bigint NOT NULL CHECK (credit_account_id <> debit_account_id),
    amount            bigint NOT NULL CHECK (amount > 0),
    event_at          timestamptz NOT NULL,
    booked_at         timestamptz NOT NULL,
    xid               xid8 NOT NULL DEFAULT pg_current_xact_id(),
    value_date        date NOT NULL,
    currency          text NOT NULL,
    phase             text NOT NULL CHECK (phase IN ('single', 'pending', 'post', 'void')),
    kind              text NOT NULL,
    payment_id        uuid,
    pending_id        uuid CHECK ((pending_id IS NOT NULL) = (phase IN ('post', 'void'))),
    PRIMARY KEY (book_id, transfer_id)
);
COMMENT ON TABLE ledger.transfer IS 'The journal: immutable, written by ledger.create_transfers alone. Amounts in minor units.';
COMMENT ON COLUMN ledger.transfer.transfer_id IS 'Chosen by the caller (UUIDv7), and therefore idempotent.';
COMMENT ON COLUMN ledger.transfer.xid IS 'The writer''s transaction: readers tail below pg_snapshot_xmin, never by time.';
CREATE INDEX transfer_by_xid ON ledger.transfer (book_id, xid);
CREATE INDEX transfer_by_business_date ON ledger.transfer USING brin (business_date) WITH (pages_per_range = 16, autosummarize = on);
CREATE UNIQUE INDEX transfer_resolves_once ON ledger.transfer (book_id, pending_id) WHERE pending_id IS NOT NULL;
COMMENT ON INDEX ledger.transfer_resolves_once IS 'A hold is posted or voided at most once.';

CREATE TABLE ledger.entry (
    book_id               integer NOT NULL,
    business_date         date NOT NULL,
    account_id            bigint NOT NULL,
    version               bigint NOT NULL CHECK (version > 0),
    transfer_id           uuid NOT NULL,
    amount                bigint NOT NULL CHECK (amount >= 0),
    pending               bigint NOT NULL,
    debits_posted_after   bigint NOT NULL,
    credits_posted_after  bigint NOT NULL,
    debits_pending_after  bigint NOT NULL,
    credits_pending_after bigint NOT NULL,
    booked_at             timestamptz NOT NULL,
    side                  text NOT NULL CHECK (side IN ('D', 'C')),
    PRIMARY KEY (book_id, account_id, version)
);
COMMENT ON TABLE ledger.entry IS 'The two sides of each transfer, each with its account''s totals after it.';
COMMENT ON COLUMN ledger.entry.amount IS 'Added to the posted total of its side.';
COMMENT ON COLUMN ledger.entry.pending IS 'Added to the pending total of its side; negative when a hold is released.';
CREATE INDEX entry_by_business_date ON ledger.entry USING brin (business_date) WITH (pages_per_range = 16, autosummarize = on);

CREATE TABLE ledger.block (
    book_id       integer NOT NULL,
    height        bigint NOT NULL CHECK (height > 0),
    business_date date NOT NULL,
    transfers     bigint NOT NULL,
    merkle_root   bytea NOT NULL CHECK (length(merkle_root) = 32),
    previous_hash bytea NOT NULL CHECK (length(previous_hash) = 32),
    block_hash    bytea NOT NULL CHECK (length(block_hash) = 32),
    PRIMARY KEY (book_id, height),
    UNIQUE (book_id, business_date)
);
COMMENT ON TABLE ledger.block IS 'Seals: one block a book and closed business date, each naming the hash of the one before.';

-- ---------------------------------------------------------------------------------------------------
-- Immutability: REVOKE is the guard, triggers the second
-- ---------------------------------------------------------------------------------------------------

CREATE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on %.% is refused: the journal is immutable; book a correcting transfer',
        TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.transfer
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.entry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.block
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.business_day
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER undeletable BEFORE DELETE OR TRUNCATE ON ledger.account
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

