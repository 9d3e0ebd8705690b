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
    currency       text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
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
    transfer_id       uuid NOT NULL,
    debit_account_id  bigint NOT NULL,
    credit_account_id bigint NOT NULL CHECK (credit_account_id <> debit_account_id),
    currency          text NOT NULL,
    amount            bigint NOT NULL CHECK (amount > 0),
    phase             text NOT NULL CHECK (phase IN ('single', 'pending', 'post', 'void')),
    pending_id        uuid CHECK ((pending_id IS NOT NULL) = (phase IN ('post', 'void'))),
    kind              text NOT NULL,
    payment_id        uuid,
    event_at          timestamptz NOT NULL,
    booked_at         timestamptz NOT NULL,
    value_date        date NOT NULL,
    business_date     date NOT NULL,
    sequence          bigint GENERATED ALWAYS AS IDENTITY (CACHE 100),
    xid               xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (book_id, transfer_id)
);
COMMENT ON TABLE ledger.transfer IS 'The journal: immutable, written by ledger.create_transfers alone. Amounts in minor units.';
COMMENT ON COLUMN ledger.transfer.transfer_id IS 'Chosen by the caller (UUIDv7), and therefore idempotent.';
COMMENT ON COLUMN ledger.transfer.xid IS 'The writer''s transaction: readers tail below pg_snapshot_xmin, never by max(sequence).';
CREATE INDEX transfer_by_xid ON ledger.transfer (book_id, xid, sequence);
CREATE INDEX transfer_by_business_date ON ledger.transfer USING brin (business_date) WITH (pages_per_range = 16, autosummarize = on);
CREATE UNIQUE INDEX transfer_resolves_once ON ledger.transfer (book_id, pending_id) WHERE pending_id IS NOT NULL;
COMMENT ON INDEX ledger.transfer_resolves_once IS 'A hold is posted or voided at most once.';

CREATE TABLE ledger.entry (
    book_id               integer NOT NULL,
    account_id            bigint NOT NULL,
    version               bigint NOT NULL CHECK (version > 0),
    transfer_id           uuid NOT NULL,
    side                  text NOT NULL CHECK (side IN ('D', 'C')),
    amount                bigint NOT NULL CHECK (amount >= 0),
    pending               bigint NOT NULL,
    debits_posted_after   bigint NOT NULL,
    credits_posted_after  bigint NOT NULL,
    debits_pending_after  bigint NOT NULL,
    credits_pending_after bigint NOT NULL,
    booked_at             timestamptz NOT NULL,
    business_date         date NOT NULL,
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

-- ---------------------------------------------------------------------------------------------------
-- Posting: one item
-- ---------------------------------------------------------------------------------------------------

-- The codes are those of ledger_service.ledger.results.TransferResult, their order the precedence.
CREATE FUNCTION ledger.create_transfer(
    p_book_id integer, p_business_date date, p_open boolean,
    p_transfer_id uuid, p_debit_account_id bigint, p_credit_account_id bigint, p_amount bigint,
    p_phase text, p_pending_id uuid, p_kind text, p_payment_id uuid,
    p_event_at timestamptz, p_booked_at timestamptz, p_value_date date
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    e ledger.transfer;  -- with the same id
    h ledger.transfer;  -- the hold that this item resolves
    d ledger.account;
    c ledger.account;
    v_debit bigint := p_debit_account_id;
    v_credit bigint := p_credit_account_id;
    v_amount bigint := p_amount;
    v_posted bigint;
    v_pending bigint;
BEGIN
    SELECT * INTO h FROM ledger.transfer WHERE book_id = p_book_id AND transfer_id = p_pending_id;
    IF h.transfer_id IS NOT NULL THEN
        -- A resolving item may leave out what its hold says.
        v_debit := coalesce(p_debit_account_id, h.debit_account_id);
        v_credit := coalesce(p_credit_account_id, h.credit_account_id);
        v_amount := coalesce(p_amount, h.amount);
    END IF;
    SELECT * INTO e FROM ledger.transfer WHERE book_id = p_book_id AND transfer_id = p_transfer_id;
    IF e.transfer_id IS NOT NULL THEN
        RETURN CASE
            WHEN e.phase <> p_phase THEN 'exists_with_different_phase'
            WHEN e.pending_id IS DISTINCT FROM p_pending_id THEN 'exists_with_different_pending_id'
            WHEN e.debit_account_id <> v_debit THEN 'exists_with_different_debit_account_id'
            WHEN e.credit_account_id <> v_credit THEN 'exists_with_different_credit_account_id'
            WHEN e.amount <> v_amount THEN 'exists_with_different_amount'
            WHEN e.kind <> p_kind THEN 'exists_with_different_kind'
            WHEN e.payment_id IS DISTINCT FROM p_payment_id THEN 'exists_with_different_payment_id'
            WHEN e.value_date <> p_value_date THEN 'exists_with_different_value_date'
            ELSE 'exists' END;
    END IF;
    IF NOT p_open THEN RETURN 'business_date_closed'; END IF;
    IF p_transfer_id IS NULL THEN RETURN 'id_must_not_be_null'; END IF;
    IF p_phase IS NULL OR p_phase NOT IN ('single', 'pending', 'post', 'void') THEN RETURN 'phase_unknown'; END IF;
    IF p_phase IN ('single', 'pending') AND p_pending_id IS NOT NULL THEN RETURN 'pending_id_must_be_null'; END IF;
    IF p_phase IN ('post', 'void') THEN
        IF p_pending_id IS NULL THEN RETURN 'pending_id_must_not_be_null'; END IF;
        IF h.transfer_id IS NULL THEN RETURN 'pending_transfer_not_found'; END IF;
        IF h.phase <> 'pending' THEN RETURN 'pending_transfer_not_pending'; END IF;
        IF v_debit <> h.debit_account_id THEN RETURN 'pending_transfer_has_different_debit_account_id'; END IF;
        IF v_credit <> h.credit_account_id THEN RETURN 'pending_transfer_has_different_credit_account_id'; END IF;
    END IF;
    IF v_amount IS NULL OR v_amount <= 0 THEN RETURN 'amount_must_be_positive'; END IF;
    IF v_debit = v_credit THEN RETURN 'accounts_must_be_different'; END IF;
    IF p_kind IS NULL OR p_event_at IS NULL OR p_value_date IS NULL THEN RETURN 'field_must_not_be_null'; END IF;
    SELECT * INTO d FROM ledger.account WHERE book_id = p_book_id AND account_id = v_debit;
    IF d.account_id IS NULL THEN RETURN 'debit_account_not_found'; END IF;
    SELECT * INTO c FROM ledger.account WHERE book_id = p_book_id AND account_id = v_credit;
    IF c.account_id IS NULL THEN RETURN 'credit_account_not_found'; END IF;
    IF d.currency <> c.currency THEN RETURN 'accounts_must_have_the_same_currency'; END IF;
    IF p_phase IN ('post', 'void') THEN
        IF v_amount > h.amount THEN RETURN 'exceeds_pending_transfer_amount'; END IF;
        IF p_phase = 'void' AND v_amount < h.amount THEN RETURN 'pending_transfer_has_different_amount'; END IF;
        CASE (SELECT phase FROM ledger.transfer WHERE book_id = p_book_id AND pending_id = p_pending_id)
            WHEN 'post' THEN RETURN 'pending_transfer_already_posted';
            WHEN 'void' THEN RETURN 'pending_transfer_already_voided';
            ELSE NULL;
        END CASE;
    END IF;
    IF d.state = 'closed' AND p_phase <> 'void' THEN RETURN 'debit_account_closed'; END IF;
    IF c.state = 'closed' AND p_phase <> 'void' THEN RETURN 'credit_account_closed'; END IF;
    IF d.state = 'frozen' AND p_phase <> 'void' THEN RETURN 'debit_account_frozen'; END IF;
    IF c.state = 'frozen' AND p_phase <> 'void' THEN RETURN 'credit_account_frozen'; END IF;
    IF p_booked_at < greatest(d.last_booked_at, c.last_booked_at) THEN RETURN 'booked_at_must_not_regress'; END IF;

    v_posted := CASE WHEN p_phase IN ('single', 'post') THEN v_amount ELSE 0 END;
    v_pending := CASE p_phase WHEN 'pending' THEN v_amount WHEN 'single' THEN 0 ELSE -h.amount END;
    IF d.debits_posted > 9223372036854775807 - v_posted THEN RETURN 'overflows_debits_posted'; END IF;
    IF c.credits_posted > 9223372036854775807 - v_posted THEN RETURN 'overflows_credits_posted'; END IF;
    IF v_pending > 0 AND d.debits_pending > 9223372036854775807 - v_pending THEN RETURN 'overflows_debits_pending'; END IF;
    IF v_pending > 0 AND c.credits_pending > 9223372036854775807 - v_pending THEN RETURN 'overflows_credits_pending'; END IF;
    IF d.debits_posted::numeric + v_posted + d.debits_pending + v_pending - d.credits_posted > d.debit_limit THEN
        RETURN 'exceeds_credits';
    END IF;
    IF c.credits_posted::numeric + v_posted + c.credits_pending + v_pending - c.debits_posted > c.credit_limit THEN
        RETURN 'exceeds_debits';
    END IF;

    INSERT INTO ledger.transfer (book_id, transfer_id, debit_account_id, credit_account_id, currency, amount, phase,
        pending_id, kind, payment_id, event_at, booked_at, value_date, business_date)
    VALUES (p_book_id, p_transfer_id, v_debit, v_credit, d.currency, v_amount, p_phase,
        p_pending_id, p_kind, p_payment_id, p_event_at, p_booked_at, p_value_date, p_business_date);
    UPDATE ledger.account SET debits_posted = debits_posted + v_posted, debits_pending = debits_pending + v_pending,
        version = version + 1, last_booked_at = p_booked_at
    WHERE book_id = p_book_id AND account_id = v_debit RETURNING * INTO d;
    UPDATE ledger.account SET credits_posted = credits_posted + v_posted, credits_pending = credits_pending + v_pending,
        version = version + 1, last_booked_at = p_booked_at
    WHERE book_id = p_book_id AND account_id = v_credit RETURNING * INTO c;
    INSERT INTO ledger.entry (book_id, account_id, version, transfer_id, side, amount, pending,
        debits_posted_after, credits_posted_after, debits_pending_after, credits_pending_after, booked_at, business_date)
    VALUES (p_book_id, v_debit, d.version, p_transfer_id, 'D', v_posted, v_pending,
        d.debits_posted, d.credits_posted, d.debits_pending, d.credits_pending, p_booked_at, p_business_date),
       (p_book_id, v_credit, c.version, p_transfer_id, 'C', v_posted, v_pending,
        c.debits_posted, c.credits_posted, c.debits_pending, c.credits_pending, p_booked_at, p_business_date);
    RETURN 'created';
END $$;

-- ---------------------------------------------------------------------------------------------------
-- Posting: a batch
-- ---------------------------------------------------------------------------------------------------

-- One result per item, in order. Where nothing can bind, the whole batch is one set-based statement;
-- otherwise its items are walked in order with ledger.create_transfer.
CREATE FUNCTION ledger.create_transfers(
    p_book_id integer, p_business_date date,
    p_transfer_id uuid[], p_debit_account_id bigint[], p_credit_account_id bigint[], p_amount bigint[],
    p_phase text[], p_pending_id uuid[], p_linked boolean[], p_kind text[], p_payment_id uuid[],
    p_event_at timestamptz[], p_booked_at timestamptz[], p_value_date date[]
) RETURNS text[] LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_items integer := cardinality(p_transfer_id);
    v_open boolean;
    v_codes text[];
    v_walk boolean;
    v_limited boolean;
    v_now timestamptz;
    v_first integer := 1;
    v_last integer;
BEGIN
    IF v_items > 10000 THEN
        RAISE EXCEPTION 'a batch holds at most 10000 items, not %', v_items USING ERRCODE = 'program_limit_exceeded';
    END IF;
    SELECT closed_through IS NULL OR closed_through < p_business_date INTO v_open
    FROM ledger.book_state WHERE book_id = p_book_id FOR SHARE;
    IF v_open IS NULL THEN
        RAISE EXCEPTION 'book % does not exist', p_book_id USING ERRCODE = 'foreign_key_violation';
    END IF;

    -- Every account that the batch can touch, in id order: so no two batches can deadlock.
    PERFORM 1 FROM ledger.account
    WHERE book_id = p_book_id AND account_id IN (
        SELECT unnest(p_debit_account_id) UNION SELECT unnest(p_credit_account_id)
        UNION SELECT unnest(ARRAY[debit_account_id, credit_account_id]) FROM ledger.transfer
        WHERE book_id = p_book_id AND transfer_id IN (SELECT id FROM unnest(p_pending_id) AS id WHERE id IS NOT NULL))
    ORDER BY account_id FOR NO KEY UPDATE;
    v_now := clock_timestamp();

    -- What can be said of each item without the others: 'created' where nothing speaks against it.
    WITH item AS (
        SELECT * FROM unnest(p_transfer_id, p_debit_account_id, p_credit_account_id, p_amount, p_phase, p_pending_id,
            p_kind, p_payment_id, p_event_at, p_booked_at, p_value_date) WITH ORDINALITY
            AS item(id, debit, credit, amount, phase, pending_id, kind, payment_id, event_at, booked_at, value_date, n)
    ), judged AS (
        SELECT item.n, CASE
            WHEN e.transfer_id IS NOT NULL AND e.phase = item.phase AND e.pending_id IS NOT DISTINCT FROM item.pending_id
                AND e.debit_account_id = item.debit AND e.credit_account_id = item.credit AND e.amount = item.amount
                AND e.kind = item.kind AND e.payment_id IS NOT DISTINCT FROM item.payment_id
                AND e.value_date = item.value_date THEN 'exists'
            WHEN e.transfer_id IS NOT NULL THEN 'walk'
            WHEN v_open AND item.phase IN ('single', 'pending') AND item.pending_id IS NULL AND item.amount > 0
                AND item.debit <> item.credit AND item.kind IS NOT NULL AND item.event_at IS NOT NULL
                AND item.value_date IS NOT NULL AND d.currency = c.currency AND d.state = 'open' AND c.state = 'open'
                AND coalesce(coalesce(item.booked_at, v_now) >= greatest(d.last_booked_at, c.last_booked_at), true)
                AND coalesce(item.booked_at >= lag(item.booked_at) OVER (ORDER BY item.n), true)
                AND d.debits_posted::numeric + d.debits_pending < 4611686018427387904
                AND c.credits_posted::numeric + c.credits_pending < 4611686018427387904
                THEN 'created'
            ELSE 'walk' END AS code,
            d.debit_limit IS NOT NULL OR c.credit_limit IS NOT NULL AS limited
        FROM item
        LEFT JOIN ledger.transfer e ON e.book_id = p_book_id AND e.transfer_id = item.id
        LEFT JOIN ledger.account d ON d.book_id = p_book_id AND d.account_id = item.debit
        LEFT JOIN ledger.account c ON c.book_id = p_book_id AND c.account_id = item.credit
    )
    SELECT array_agg(code ORDER BY judged.n),
        bool_or(code = 'walk') OR (bool_or(code = 'exists') AND (true = any(p_linked)) AND bool_or(code = 'created')),
        bool_or(limited AND code = 'created')
    INTO v_codes, v_walk, v_limited FROM judged;
    IF v_items = 0 THEN RETURN ARRAY[]::text[]; END IF;
    v_walk := v_walk OR p_linked[v_items]
        OR (SELECT count(DISTINCT id) < v_items OR sum(amount) > 4611686018427387904 FROM unnest(p_transfer_id, p_amount) AS item(id, amount));
    IF NOT v_walk AND NOT 'created' = ANY(v_codes) THEN RETURN v_codes; END IF;

    IF NOT v_walk AND v_limited THEN
        -- Would any limited account pass its limit after any item, if all are accepted?
        SELECT coalesce(bool_or(running.excess > running.lim), false) INTO v_walk FROM (
            SELECT CASE side.side WHEN 'D' THEN a.debit_limit ELSE a.credit_limit END AS lim,
                CASE side.side WHEN 'D' THEN a.debits_posted - a.credits_posted + a.debits_pending
                    ELSE a.credits_posted - a.debits_posted + a.credits_pending END
                + sum(CASE WHEN side.side = leg.side THEN leg.amount WHEN leg.phase = 'single' THEN -leg.amount ELSE 0 END)
                    OVER (PARTITION BY leg.account_id, side.side ORDER BY leg.n ROWS UNBOUNDED PRECEDING) AS excess
            FROM (
                SELECT n, phase, amount, unnest(ARRAY['D', 'C']) AS side, unnest(ARRAY[debit, credit]) AS account_id
                FROM unnest(p_debit_account_id, p_credit_account_id, p_amount, p_phase, v_codes) WITH ORDINALITY
                    AS item(debit, credit, amount, phase, code, n)
                WHERE code = 'created'
            ) AS leg
            JOIN ledger.account a ON a.book_id = p_book_id AND a.account_id = leg.account_id
            CROSS JOIN (VALUES ('D'), ('C')) AS side(side)
            WHERE CASE side.side WHEN 'D' THEN a.debit_limit ELSE a.credit_limit END IS NOT NULL
        ) AS running;
    END IF;

    IF NOT v_walk THEN
        WITH item AS MATERIALIZED (
            SELECT item.n, item.id, debit, credit, amount, phase, item.kind, payment_id, event_at,
                coalesce(booked_at, v_now) AS booked_at, value_date
            FROM unnest(p_transfer_id, p_debit_account_id, p_credit_account_id, p_amount, p_phase, p_kind, p_payment_id,
                p_event_at, p_booked_at, p_value_date, v_codes) WITH ORDINALITY
                AS item(id, debit, credit, amount, phase, kind, payment_id, event_at, booked_at, value_date, code, n)
            WHERE code = 'created'
        ), leg AS (
            SELECT n, id, debit AS account_id, 'D' AS side, booked_at,
                CASE phase WHEN 'single' THEN amount ELSE 0 END AS posted, CASE phase WHEN 'pending' THEN amount ELSE 0 END AS pending
            FROM item
            UNION ALL
            SELECT n, id, credit, 'C', booked_at,
                CASE phase WHEN 'single' THEN amount ELSE 0 END, CASE phase WHEN 'pending' THEN amount ELSE 0 END
            FROM item
        ), running AS MATERIALIZED (
            SELECT leg.*, a.version + row_number() OVER w AS version,
                a.debits_posted + (sum(CASE side WHEN 'D' THEN leg.posted ELSE 0 END) OVER w)::bigint AS debits_posted,
                a.credits_posted + (sum(CASE side WHEN 'C' THEN leg.posted ELSE 0 END) OVER w)::bigint AS credits_posted,
                a.debits_pending + (sum(CASE side WHEN 'D' THEN leg.pending ELSE 0 END) OVER w)::bigint AS debits_pending,
                a.credits_pending + (sum(CASE side WHEN 'C' THEN leg.pending ELSE 0 END) OVER w)::bigint AS credits_pending,
                lead(leg.n) OVER w IS NULL AS is_last
            FROM leg JOIN ledger.account a ON a.book_id = p_book_id AND a.account_id = leg.account_id
            WINDOW w AS (PARTITION BY leg.account_id ORDER BY leg.n ROWS UNBOUNDED PRECEDING)
        ), journal AS (
            INSERT INTO ledger.transfer (book_id, transfer_id, debit_account_id, credit_account_id, currency, amount, phase,
                kind, payment_id, event_at, booked_at, value_date, business_date)
            SELECT p_book_id, id, debit, credit, a.currency, amount, phase, kind, payment_id, event_at, booked_at, value_date, p_business_date
            FROM item JOIN ledger.account a ON a.book_id = p_book_id AND a.account_id = debit
            ORDER BY n
        ), sides AS (
            INSERT INTO ledger.entry (book_id, account_id, version, transfer_id, side, amount, pending,
                debits_posted_after, credits_posted_after, debits_pending_after, credits_pending_after, booked_at, business_date)
            SELECT p_book_id, account_id, version, id, side, posted, pending,
                debits_posted, credits_posted, debits_pending, credits_pending, booked_at, p_business_date
            FROM running
        )
        UPDATE ledger.account a SET debits_posted = r.debits_posted, credits_posted = r.credits_posted,
            debits_pending = r.debits_pending, credits_pending = r.credits_pending, version = r.version, last_booked_at = r.booked_at
        FROM running r WHERE r.is_last AND a.book_id = p_book_id AND a.account_id = r.account_id;
        RETURN v_codes;
    END IF;

    -- The walk: chain by chain; a chain that fails leaves nothing.
    v_codes := array_fill(NULL::text, ARRAY[v_items]);
    WHILE v_first <= v_items LOOP
        v_last := v_first;
        WHILE v_last < v_items AND p_linked[v_last] LOOP v_last := v_last + 1; END LOOP;
        IF v_last = v_first AND NOT p_linked[v_last] THEN
            v_codes[v_first] := ledger.create_transfer(p_book_id, p_business_date, v_open,
                p_transfer_id[v_first], p_debit_account_id[v_first], p_credit_account_id[v_first], p_amount[v_first],
                p_phase[v_first], p_pending_id[v_first], p_kind[v_first], p_payment_id[v_first], p_event_at[v_first],
                coalesce(p_booked_at[v_first], v_now), p_value_date[v_first]);
        ELSIF p_linked[v_last] THEN
            v_codes[v_first : v_last] := array_fill('linked_event_failed'::text, ARRAY[v_last - v_first + 1]);
            v_codes[v_last] := 'linked_event_chain_open';
        ELSE
            BEGIN
                FOR i IN v_first .. v_last LOOP
                    v_codes[i] := ledger.create_transfer(p_book_id, p_business_date, v_open,
                        p_transfer_id[i], p_debit_account_id[i], p_credit_account_id[i], p_amount[i],
                        p_phase[i], p_pending_id[i], p_kind[i], p_payment_id[i], p_event_at[i],
                        coalesce(p_booked_at[i], v_now), p_value_date[i]);
                    -- A chain that exists whole is answered as what it is; one that exists in part has failed.
                    IF v_codes[i] <> v_codes[v_first] OR v_codes[i] NOT IN ('created', 'exists') THEN
                        RAISE EXCEPTION 'the chain fails at item %', i USING ERRCODE = 'WGI01';
                    END IF;
                END LOOP;
            EXCEPTION WHEN SQLSTATE 'WGI01' THEN
                FOR i IN v_first .. v_last LOOP
                    IF v_codes[i] IS NULL OR v_codes[i] = 'created' THEN v_codes[i] := 'linked_event_failed'; END IF;
                END LOOP;
            END;
        END IF;
        v_first := v_last + 1;
    END LOOP;
    RETURN v_codes;
END $$;
COMMENT ON FUNCTION ledger.create_transfers IS
    'Posts a batch in one book: at most 10,000 items, one result per item in order; a NULL booked_at is the clock after the locks.';

-- ---------------------------------------------------------------------------------------------------
-- Accounts, books, business dates
-- ---------------------------------------------------------------------------------------------------

CREATE FUNCTION ledger.register_participant(
    p_participant_id text, p_name text, p_kind text, p_country text, p_bic text, p_home_currency text
) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    e ledger.participant;
BEGIN
    INSERT INTO ledger.participant VALUES (p_participant_id, p_name, p_kind, p_country, p_bic, p_home_currency)
    ON CONFLICT DO NOTHING;
    IF FOUND THEN RETURN 'created'; END IF;
    SELECT * INTO e FROM ledger.participant WHERE participant_id = p_participant_id;
    RETURN CASE
        WHEN e.name <> p_name THEN 'exists_with_different_name'
        WHEN e.kind <> p_kind THEN 'exists_with_different_kind'
        WHEN e.country <> p_country THEN 'exists_with_different_country'
        WHEN e.bic IS DISTINCT FROM p_bic THEN 'exists_with_different_bic'
        WHEN e.home_currency <> p_home_currency THEN 'exists_with_different_home_currency'
        ELSE 'exists' END;
END $$;

CREATE FUNCTION ledger.open_book(p_participant_id text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_book_id integer;
BEGIN
    SELECT book_id INTO v_book_id FROM ledger.book WHERE participant_id = p_participant_id;
    IF v_book_id IS NOT NULL THEN RETURN v_book_id; END IF;
    LOCK TABLE ledger.book IN SHARE ROW EXCLUSIVE MODE;
    INSERT INTO ledger.book SELECT coalesce(max(book_id), 0) + 1, p_participant_id FROM ledger.book
    ON CONFLICT (participant_id) DO NOTHING RETURNING book_id INTO v_book_id;
    IF v_book_id IS NULL THEN
        SELECT book_id INTO v_book_id FROM ledger.book WHERE participant_id = p_participant_id;
    ELSE
        INSERT INTO ledger.book_state VALUES (v_book_id, NULL);
    END IF;
    RETURN v_book_id;
END $$;

CREATE FUNCTION ledger.create_accounts(
    p_book_id integer, p_account_id bigint[], p_external_ref text[], p_chart_code integer[], p_normal_side text[],
    p_currency text[], p_counterparty_id text[], p_party_id text[], p_party_kind text[], p_holder_name text[],
    p_opened_on date[], p_debit_limit bigint[], p_credit_limit bigint[]
) RETURNS text[] LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_created bigint[];
    v_codes text[];
BEGIN
    WITH created AS (
        INSERT INTO ledger.account (book_id, account_id, external_ref, chart_code, normal_side, currency, counterparty_id,
            party_id, party_kind, holder_name, opened_on, debit_limit, credit_limit)
        SELECT p_book_id, item.* FROM unnest(p_account_id, p_external_ref, p_chart_code, p_normal_side, p_currency,
            p_counterparty_id, p_party_id, p_party_kind, p_holder_name, p_opened_on, p_debit_limit, p_credit_limit) AS item
        ON CONFLICT DO NOTHING RETURNING account_id
    )
    SELECT array_agg(account_id) INTO v_created FROM created;
    SELECT array_agg(CASE
            WHEN item.is_first AND item.id = ANY(v_created) AND a.external_ref = item.external_ref THEN 'created'
            WHEN a.account_id IS NULL THEN 'external_ref_taken'
            WHEN a.external_ref <> item.external_ref THEN 'exists_with_different_external_ref'
            WHEN a.chart_code <> item.chart_code THEN 'exists_with_different_chart_code'
            WHEN a.currency <> item.currency THEN 'exists_with_different_currency'
            WHEN a.counterparty_id IS DISTINCT FROM item.counterparty_id THEN 'exists_with_different_counterparty_id'
            WHEN a.party_id IS DISTINCT FROM item.party_id THEN 'exists_with_different_party_id'
            WHEN a.debit_limit IS DISTINCT FROM item.debit_limit THEN 'exists_with_different_debit_limit'
            WHEN a.credit_limit IS DISTINCT FROM item.credit_limit THEN 'exists_with_different_credit_limit'
            ELSE 'exists' END ORDER BY item.n)
    INTO v_codes
    FROM (
        SELECT *, row_number() OVER (PARTITION BY id ORDER BY n) = 1 AS is_first
        FROM unnest(p_account_id, p_external_ref, p_chart_code, p_currency, p_counterparty_id, p_party_id, p_debit_limit, p_credit_limit)
            WITH ORDINALITY AS batch(id, external_ref, chart_code, currency, counterparty_id, party_id, debit_limit, credit_limit, n)
    ) AS item
    LEFT JOIN ledger.account a ON a.book_id = p_book_id AND a.account_id = item.id;
    RETURN coalesce(v_codes, ARRAY[]::text[]);
END $$;

CREATE FUNCTION ledger.close_business_date(p_book_id integer, p_business_date date, p_closed_at timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE ledger.book_state SET closed_through = p_business_date
    WHERE book_id = p_book_id AND (closed_through IS NULL OR closed_through < p_business_date);
    IF NOT FOUND THEN RETURN false; END IF;
    INSERT INTO ledger.business_day (book_id, business_date, closed_at) VALUES (p_book_id, p_business_date, p_closed_at);
    RETURN true;
END $$;
COMMENT ON FUNCTION ledger.close_business_date IS
    'Closes a business date and all before it; waits for transfers in flight. False when it was closed already.';

CREATE FUNCTION ledger.seal(
    p_book_id integer, p_business_date date, p_transfers bigint, p_merkle_root bytea, p_previous_hash bytea, p_block_hash bytea
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_height bigint;
BEGIN
    INSERT INTO ledger.block
    SELECT p_book_id, coalesce(max(height), 0) + 1, p_business_date, p_transfers, p_merkle_root, p_previous_hash, p_block_hash
    FROM ledger.block WHERE book_id = p_book_id
    RETURNING height INTO v_height;
    RETURN v_height;
END $$;

-- ---------------------------------------------------------------------------------------------------
-- Who may do what
-- ---------------------------------------------------------------------------------------------------

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT USAGE ON SCHEMA ledger TO wgi_app, wgi_close;
GRANT SELECT ON ALL TABLES IN SCHEMA ledger TO wgi_app, wgi_close;
GRANT EXECUTE ON FUNCTION ledger.create_transfers, ledger.create_accounts, ledger.register_participant, ledger.open_book TO wgi_app;
GRANT EXECUTE ON FUNCTION ledger.close_business_date, ledger.seal TO wgi_close;
