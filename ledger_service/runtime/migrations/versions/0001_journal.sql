-- The journal: transfers, partitioned by the time in their ids, and what is derived from them.

CREATE TABLE ledger.transfer (
    book_id            integer NOT NULL,
    business_date      date NOT NULL,
    transfer_id        uuid NOT NULL,
    sequence           bigint NOT NULL,
    debit_account_id   bigint NOT NULL,
    credit_account_id  bigint NOT NULL,
    amount             bigint NOT NULL,
    pending            bigint NOT NULL,
    booked_at          timestamptz NOT NULL,
    event_at           timestamptz NOT NULL,
    dr_version         bigint NOT NULL,
    dr_debits_posted   bigint NOT NULL,
    dr_credits_posted  bigint NOT NULL,
    dr_debits_pending  bigint NOT NULL,
    dr_credits_pending bigint NOT NULL,
    cr_version         bigint NOT NULL,
    cr_debits_posted   bigint NOT NULL,
    cr_credits_posted  bigint NOT NULL,
    cr_debits_pending  bigint NOT NULL,
    cr_credits_pending bigint NOT NULL,
    value_date         date NOT NULL,
    dr_backdated       boolean NOT NULL,
    cr_backdated       boolean NOT NULL,
    phase              text NOT NULL,
    currency           text NOT NULL,
    kind               text NOT NULL,
    payment_id         uuid,
    pending_id         uuid,
    reverses_id        uuid,
    expires_at         timestamptz,
    balancing          text,
    PRIMARY KEY (book_id, transfer_id),
    CHECK (amount > 0 AND debit_account_id <> credit_account_id AND CASE phase
        WHEN 'single' THEN pending = 0 AND pending_id IS NULL
        WHEN 'pending' THEN pending = amount AND pending_id IS NULL AND reverses_id IS NULL
        WHEN 'post' THEN pending <= -amount AND pending_id IS NOT NULL AND reverses_id IS NULL
        WHEN 'void' THEN pending = -amount AND pending_id IS NOT NULL AND reverses_id IS NULL
        WHEN 'expire' THEN pending = -amount AND pending_id IS NOT NULL AND reverses_id IS NULL
        ELSE false END)
) PARTITION BY RANGE (transfer_id);
COMMENT ON TABLE ledger.transfer IS
    'The journal: immutable, written by ledger.create_transfers alone. Each row is a transfer with both of its entries. Partitioned by month of the id (UUIDv7 begins with its time), so that an id is unique over all of it.';
COMMENT ON COLUMN ledger.transfer.book_id IS 'The book.';
COMMENT ON COLUMN ledger.transfer.business_date IS 'The book''s date to which it was booked.';
COMMENT ON COLUMN ledger.transfer.debit_account_id IS 'The account debited.';
COMMENT ON COLUMN ledger.transfer.credit_account_id IS 'The account credited.';
COMMENT ON COLUMN ledger.transfer.amount IS 'Minor units of the currency: moved, held or released.';
COMMENT ON COLUMN ledger.transfer.value_date IS 'When it counts.';
COMMENT ON COLUMN ledger.transfer.currency IS 'ISO 4217, that of both accounts.';
COMMENT ON COLUMN ledger.transfer.kind IS 'What kind of payment it belongs to, such as salary.';
COMMENT ON COLUMN ledger.transfer.payment_id IS 'The payment behind it.';
COMMENT ON COLUMN ledger.transfer.transfer_id IS 'Chosen by the caller (UUIDv7), and therefore idempotent.';
COMMENT ON COLUMN ledger.transfer.sequence IS 'Its number among the events of the book: without gaps, in the order of commits.';
COMMENT ON COLUMN ledger.transfer.pending IS 'Added to the pending totals of both accounts; negative when a hold is released.';
COMMENT ON COLUMN ledger.transfer.booked_at IS 'When the ledger booked it; never regresses on an account.';
COMMENT ON COLUMN ledger.transfer.event_at IS 'When it happened outside.';
COMMENT ON COLUMN ledger.transfer.dr_version IS 'Number of this entry on the debit account; dr_ totals are those of the debit account after it.';
COMMENT ON COLUMN ledger.transfer.cr_version IS 'Number of this entry on the credit account; cr_ totals are those of the credit account after it.';
COMMENT ON COLUMN ledger.transfer.dr_debits_posted IS 'Of the debit account, after it.';
COMMENT ON COLUMN ledger.transfer.dr_credits_posted IS 'Of the debit account, after it.';
COMMENT ON COLUMN ledger.transfer.dr_debits_pending IS 'Of the debit account, after it.';
COMMENT ON COLUMN ledger.transfer.dr_credits_pending IS 'Of the debit account, after it.';
COMMENT ON COLUMN ledger.transfer.cr_debits_posted IS 'Of the credit account, after it.';
COMMENT ON COLUMN ledger.transfer.cr_credits_posted IS 'Of the credit account, after it.';
COMMENT ON COLUMN ledger.transfer.cr_debits_pending IS 'Of the credit account, after it.';
COMMENT ON COLUMN ledger.transfer.cr_credits_pending IS 'Of the credit account, after it.';
COMMENT ON COLUMN ledger.transfer.dr_backdated IS 'Whether the debit account had an entry of a later value date before.';
COMMENT ON COLUMN ledger.transfer.cr_backdated IS 'Whether the credit account had an entry of a later value date before.';
COMMENT ON COLUMN ledger.transfer.phase IS 'single, or of a hold: pending, post, void, expire.';
COMMENT ON COLUMN ledger.transfer.pending_id IS 'Of post, void and expire: the hold that they resolve.';
COMMENT ON COLUMN ledger.transfer.reverses_id IS 'Of a reversal: the transfer whose money it returns.';
COMMENT ON COLUMN ledger.transfer.expires_at IS 'Of a hold: from then on it cannot be posted.';
COMMENT ON COLUMN ledger.transfer.balancing IS 'debit, credit or both: the amount was clamped to what was available there.';

-- Entries of an account lie by booking time as by version: one probe finds the balance at any time.
CREATE INDEX transfer_by_sequence ON ledger.transfer (book_id, sequence);
CREATE INDEX transfer_by_debit_account ON ledger.transfer (book_id, debit_account_id, booked_at, dr_version);
CREATE INDEX transfer_by_credit_account ON ledger.transfer (book_id, credit_account_id, booked_at, cr_version);
CREATE INDEX transfer_backdated_debit ON ledger.transfer (book_id, debit_account_id, booked_at, value_date) WHERE dr_backdated;
CREATE INDEX transfer_backdated_credit ON ledger.transfer (book_id, credit_account_id, booked_at, value_date) WHERE cr_backdated;
CREATE INDEX transfer_by_expiry ON ledger.transfer (book_id, expires_at) WHERE phase = 'pending' AND expires_at IS NOT NULL;
CREATE INDEX transfer_by_business_date ON ledger.transfer USING brin (business_date) WITH (pages_per_range = 16, autosummarize = on);

CREATE TABLE ledger.transfer_other PARTITION OF ledger.transfer DEFAULT;
COMMENT ON TABLE ledger.transfer_other IS 'Transfers whose ids fall into no month that has a partition.';

CREATE VIEW ledger.entry AS
SELECT book_id, business_date, debit_account_id AS account_id, dr_version AS version, transfer_id, sequence, 'D' AS side,
    CASE WHEN phase IN ('single', 'post') THEN amount ELSE 0 END AS amount, pending,
    dr_debits_posted AS debits_posted_after, dr_credits_posted AS credits_posted_after,
    dr_debits_pending AS debits_pending_after, dr_credits_pending AS credits_pending_after,
    booked_at, value_date, dr_backdated AS backdated
FROM ledger.transfer
UNION ALL
SELECT book_id, business_date, credit_account_id, cr_version, transfer_id, sequence, 'C',
    CASE WHEN phase IN ('single', 'post') THEN amount ELSE 0 END, pending,
    cr_debits_posted, cr_credits_posted, cr_debits_pending, cr_credits_pending,
    booked_at, value_date, cr_backdated
FROM ledger.transfer;
COMMENT ON VIEW ledger.entry IS 'The two sides of each transfer, each with its account''s totals after it.';
COMMENT ON COLUMN ledger.entry.book_id IS 'The book.';
COMMENT ON COLUMN ledger.entry.business_date IS 'As in ledger.transfer.';
COMMENT ON COLUMN ledger.entry.account_id IS 'The account.';
COMMENT ON COLUMN ledger.entry.version IS '1, 2, 3 ... on the account, without gaps.';
COMMENT ON COLUMN ledger.entry.transfer_id IS 'The transfer.';
COMMENT ON COLUMN ledger.entry.sequence IS 'As in ledger.transfer.';
COMMENT ON COLUMN ledger.entry.side IS 'D or C.';
COMMENT ON COLUMN ledger.entry.debits_posted_after IS 'The account''s total after it.';
COMMENT ON COLUMN ledger.entry.credits_posted_after IS 'The account''s total after it.';
COMMENT ON COLUMN ledger.entry.debits_pending_after IS 'The account''s total after it.';
COMMENT ON COLUMN ledger.entry.credits_pending_after IS 'The account''s total after it.';
COMMENT ON COLUMN ledger.entry.booked_at IS 'As in ledger.transfer.';
COMMENT ON COLUMN ledger.entry.value_date IS 'As in ledger.transfer.';
COMMENT ON COLUMN ledger.entry.backdated IS 'Whether the account had an entry of a later value date before.';
COMMENT ON COLUMN ledger.entry.amount IS 'Added to the posted total of its side.';
COMMENT ON COLUMN ledger.entry.pending IS 'Added to the pending total of its side; negative when a hold is released.';

CREATE TABLE ledger.resolution (
    book_id     integer NOT NULL,
    pending_id  uuid NOT NULL,
    transfer_id uuid NOT NULL,
    phase       text NOT NULL CHECK (phase IN ('post', 'void', 'expire')),
    PRIMARY KEY (book_id, pending_id)
) PARTITION BY RANGE (pending_id);
CREATE TABLE ledger.resolution_other PARTITION OF ledger.resolution DEFAULT;
COMMENT ON TABLE ledger.resolution IS 'How each hold ended: its key says that it ends once. Partitioned like the journal.';
COMMENT ON COLUMN ledger.resolution.book_id IS 'The book.';
COMMENT ON COLUMN ledger.resolution.pending_id IS 'The hold.';
COMMENT ON COLUMN ledger.resolution.transfer_id IS 'The transfer that ended it.';
COMMENT ON COLUMN ledger.resolution.phase IS 'How: post, void or expire.';

CREATE TABLE ledger.reversal (
    book_id           integer NOT NULL,
    reversed_id       uuid NOT NULL,
    ordinal           integer NOT NULL CHECK (ordinal > 0),
    transfer_id       uuid NOT NULL,
    original_amount   bigint NOT NULL,
    reversed_after    bigint NOT NULL CHECK (reversed_after > 0 AND reversed_after <= original_amount),
    PRIMARY KEY (book_id, reversed_id, ordinal)
) PARTITION BY RANGE (reversed_id);
CREATE TABLE ledger.reversal_other PARTITION OF ledger.reversal DEFAULT;
COMMENT ON TABLE ledger.reversal IS 'The reversals of each transfer in order, with what has been returned after each: never more than it moved.';
COMMENT ON COLUMN ledger.reversal.book_id IS 'The book.';
COMMENT ON COLUMN ledger.reversal.reversed_id IS 'The transfer whose money is returned.';
COMMENT ON COLUMN ledger.reversal.ordinal IS '1, 2, 3 ... of the transfer reversed.';
COMMENT ON COLUMN ledger.reversal.transfer_id IS 'The reversal.';
COMMENT ON COLUMN ledger.reversal.original_amount IS 'What the transfer moved, in minor units.';
COMMENT ON COLUMN ledger.reversal.reversed_after IS 'What has been returned with this one, in minor units.';

CREATE TABLE ledger.block (
    book_id          integer NOT NULL,
    height           bigint NOT NULL CHECK (height > 0),
    first_sequence   bigint NOT NULL CHECK (first_sequence > 0),
    last_sequence    bigint NOT NULL CHECK (last_sequence >= first_sequence),
    transfers        bigint NOT NULL CHECK (transfers >= 0),
    merkle_root      bytea NOT NULL CHECK (length(merkle_root) = 32),
    previous_hash    bytea NOT NULL CHECK (length(previous_hash) = 32),
    block_hash       bytea NOT NULL CHECK (length(block_hash) = 32),
    sealed_at        timestamptz NOT NULL,
    PRIMARY KEY (book_id, height),
    UNIQUE (book_id, first_sequence),
    UNIQUE (book_id, last_sequence)
);
COMMENT ON TABLE ledger.block IS
    'Seals: the transfers with numbers first_sequence to last_sequence, in that order, as one Merkle tree; each block names the hash of the one before and begins where that ended.';
COMMENT ON COLUMN ledger.block.book_id IS 'The book.';
COMMENT ON COLUMN ledger.block.height IS '1, 2, 3 ...';
COMMENT ON COLUMN ledger.block.first_sequence IS 'Number of the first event it covers.';
COMMENT ON COLUMN ledger.block.last_sequence IS 'Number of the last event it covers.';
COMMENT ON COLUMN ledger.block.transfers IS 'How many of these events are transfers.';
COMMENT ON COLUMN ledger.block.merkle_root IS 'Over the hashes of these transfers, in order.';
COMMENT ON COLUMN ledger.block.previous_hash IS 'block_hash of the block before; zeros for the first.';
COMMENT ON COLUMN ledger.block.block_hash IS 'SHA-256 over all of this.';
COMMENT ON COLUMN ledger.block.sealed_at IS 'When it was sealed; not part of the hash.';

-- ---------------------------------------------------------------------------------------------------
-- Partitions
-- ---------------------------------------------------------------------------------------------------

CREATE FUNCTION ledger.first_id(p_at timestamptz) RETURNS uuid LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN rpad(lpad(to_hex((extract(epoch FROM p_at) * 1000)::bigint), 12, '0'), 32, '0')::uuid;
END $$;
COMMENT ON FUNCTION ledger.first_id IS 'The least UUIDv7 of a millisecond: where its partition begins.';

CREATE FUNCTION ledger.add_partitions(p_first date, p_last date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_month timestamp := date_trunc('month', p_first::timestamp);
    v_from uuid;
    v_to uuid;
    v_name text;
    v_parent text;
    v_added integer := 0;
BEGIN
    WHILE v_month <= p_last LOOP
        v_from := ledger.first_id(v_month AT TIME ZONE 'UTC');
        v_to := ledger.first_id((v_month + interval '1 month') AT TIME ZONE 'UTC');
        IF to_regclass('ledger.transfer' || to_char(v_month, '"_"YYYY_MM')) IS NULL
            AND NOT EXISTS (SELECT FROM ledger.transfer_other WHERE transfer_id >= v_from AND transfer_id < v_to)
            AND NOT EXISTS (SELECT FROM ledger.resolution_other WHERE pending_id >= v_from AND pending_id < v_to)
            AND NOT EXISTS (SELECT FROM ledger.reversal_other WHERE reversed_id >= v_from AND reversed_id < v_to)
        THEN
            FOREACH v_parent IN ARRAY ARRAY['transfer', 'resolution', 'reversal'] LOOP
                v_name := v_parent || to_char(v_month, '"_"YYYY_MM');
                EXECUTE format('CREATE TABLE ledger.%I PARTITION OF ledger.%I FOR VALUES FROM (%L) TO (%L)',
                    v_name, v_parent, v_from, v_to);
                EXECUTE format('CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.%I
                    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()', v_name);
            END LOOP;
            v_added := v_added + 1;
        END IF;
        v_month := v_month + interval '1 month';
    END LOOP;
    RETURN v_added;
END $$;
COMMENT ON FUNCTION ledger.add_partitions IS
    'Makes the partitions of the months from p_first to p_last that are missing; returns how many. A month with rows in a default partition is left.';

CREATE FUNCTION ledger.clock(p_book_id integer) RETURNS timestamptz LANGUAGE plpgsql AS $$
BEGIN
    RETURN clock_timestamp();
END $$;
COMMENT ON FUNCTION ledger.clock IS 'The time by which a book posts and its holds expire; a sandbox has one of its own.';

-- ---------------------------------------------------------------------------------------------------
-- Immutability: REVOKE is the guard, triggers the second
-- ---------------------------------------------------------------------------------------------------

CREATE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on %.% is refused: the journal is immutable; book a correcting transfer',
        TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['transfer', 'transfer_other', 'resolution', 'resolution_other', 'reversal', 'reversal_other',
        'block', 'business_day', 'account_revision'] LOOP
        EXECUTE format('CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.%I
            FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()', v_table);
    END LOOP;
END $$;
CREATE TRIGGER undeletable BEFORE DELETE OR TRUNCATE ON ledger.account
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

SELECT ledger.add_partitions('2025-01-01', '2027-12-01');
