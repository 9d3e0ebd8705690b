-- Posting: batches of transfers into one book, one result per item.
--
-- create_transfers   locks the book, then alternates the two below; what it leaves is what posting the
--                    items one by one would have left
-- post_clean_prefix  a few set-based statements for the longest prefix in which nothing can go wrong
-- create_transfer    one item with every check, for the item that ends such a prefix
--
-- Codes are those of ledger_service.ledger.results.TransferResult, their order the precedence.

CREATE TYPE ledger.request AS (
    transfer_id uuid, debit_account_id bigint, credit_account_id bigint, amount bigint, phase text, pending_id uuid,
    linked boolean, kind text, payment_id uuid, event_at timestamptz, booked_at timestamptz, value_date date,
    reverses_id uuid, timeout_s bigint, balancing text
);
COMMENT ON TYPE ledger.request IS 'One item of a batch, as the caller gave it.';

CREATE TYPE ledger.account_totals AS (
    account_id bigint, version bigint, debits_posted bigint, credits_posted bigint, debits_pending bigint, credits_pending bigint,
    last_booked_at timestamptz, last_value_date date
);
COMMENT ON TYPE ledger.account_totals IS 'What posting changes of an account.';

-- Totals stay below 2^63 by the bounds of clean_prefix; sum(bigint) would pay for numeric.
CREATE AGGREGATE ledger.running_total(bigint) (sfunc = int8pl, stype = bigint, initcond = '0');

-- ---------------------------------------------------------------------------------------------------
-- One item
-- ---------------------------------------------------------------------------------------------------

-- What the journal says of an item whose id it has; NULL when it has not.
CREATE FUNCTION ledger.existing(p_book_id integer, i ledger.request) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    e ledger.transfer;
BEGIN
    SELECT * INTO e FROM ledger.transfer WHERE book_id = p_book_id AND transfer_id = i.transfer_id;
    IF e.transfer_id IS NULL THEN RETURN NULL; END IF;
    -- What an item leaves out is what its hold or its original says; then it has been so the first time.
    RETURN CASE
        WHEN e.phase IS DISTINCT FROM i.phase THEN 'exists_with_different_phase'
        WHEN e.pending_id IS DISTINCT FROM i.pending_id THEN 'exists_with_different_pending_id'
        WHEN e.reverses_id IS DISTINCT FROM i.reverses_id THEN 'exists_with_different_reverses_id'
        WHEN e.expires_at IS DISTINCT FROM e.booked_at + make_interval(secs => i.timeout_s) THEN 'exists_with_different_timeout'
        WHEN e.balancing IS DISTINCT FROM i.balancing THEN 'exists_with_different_balancing'
        WHEN e.debit_account_id <> i.debit_account_id
            OR i.debit_account_id IS NULL AND coalesce(i.pending_id, i.reverses_id) IS NULL THEN 'exists_with_different_debit_account_id'
        WHEN e.credit_account_id <> i.credit_account_id
            OR i.credit_account_id IS NULL AND coalesce(i.pending_id, i.reverses_id) IS NULL THEN 'exists_with_different_credit_account_id'
        WHEN i.amount IS NULL AND i.pending_id IS NOT NULL AND e.amount <> -e.pending
            OR i.amount IS NULL AND i.pending_id IS NULL AND i.reverses_id IS NULL AND i.balancing IS NULL
            OR CASE WHEN i.balancing IS NULL THEN e.amount <> i.amount ELSE e.amount > i.amount END
            THEN 'exists_with_different_amount'
        WHEN e.kind IS DISTINCT FROM i.kind THEN 'exists_with_different_kind'
        WHEN e.payment_id IS DISTINCT FROM i.payment_id THEN 'exists_with_different_payment_id'
        WHEN e.value_date IS DISTINCT FROM i.value_date THEN 'exists_with_different_value_date'
        ELSE 'exists' END;
END $$;

CREATE FUNCTION ledger.create_transfer(
    p_book_id integer, p_business_date date, p_open boolean, p_now timestamptz, p_floor uuid, p_sequence bigint, i ledger.request
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_code text := ledger.existing(p_book_id, i);
    h ledger.transfer;  -- the hold that it resolves, or the transfer that it reverses
    d ledger.account;
    c ledger.account;
    v_debit bigint := i.debit_account_id;
    v_credit bigint := i.credit_account_id;
    v_amount bigint := i.amount;
    v_resolves boolean := coalesce(i.phase IN ('post', 'void', 'expire'), false);
    v_releases boolean := coalesce(i.phase IN ('void', 'expire'), false);
    v_ordinal integer;
    v_reversed bigint;  -- of the original, before this item
    v_posted bigint;
    v_pending bigint;
    v_booked_at timestamptz;
BEGIN
    IF v_code IS NOT NULL THEN RETURN v_code; END IF;
    IF NOT p_open THEN RETURN 'business_date_closed'; END IF;
    IF i.transfer_id IS NULL THEN RETURN 'id_must_not_be_null'; END IF;
    IF i.transfer_id < p_floor THEN RETURN 'id_archived'; END IF;
    IF i.phase IS NULL OR i.phase NOT IN ('single', 'pending', 'post', 'void', 'expire') THEN RETURN 'phase_unknown'; END IF;
    IF NOT v_resolves AND i.pending_id IS NOT NULL THEN RETURN 'pending_id_must_be_null'; END IF;
    IF v_resolves AND i.pending_id IS NULL THEN RETURN 'pending_id_must_not_be_null'; END IF;
    IF i.phase <> 'single' AND i.reverses_id IS NOT NULL THEN RETURN 'reverses_id_must_be_null'; END IF;
    IF i.timeout_s IS NOT NULL AND i.phase <> 'pending' THEN RETURN 'timeout_reserved_for_pending_transfer'; END IF;
    IF i.timeout_s NOT BETWEEN 1 AND 4294967295 THEN RETURN 'timeout_out_of_range'; END IF;
    IF i.timeout_s IS NOT NULL AND i.booked_at IS NOT NULL THEN RETURN 'imported_transfer_must_not_time_out'; END IF;
    IF i.balancing NOT IN ('debit', 'credit', 'both') THEN RETURN 'balancing_unknown'; END IF;
    IF i.balancing IS NOT NULL AND (v_resolves OR i.reverses_id IS NOT NULL) THEN RETURN 'balancing_reserved'; END IF;
    IF v_resolves THEN
        SELECT * INTO h FROM ledger.transfer WHERE book_id = p_book_id AND transfer_id = i.pending_id;
        IF h.transfer_id IS NULL THEN RETURN 'pending_transfer_not_found'; END IF;
        IF h.phase <> 'pending' THEN RETURN 'pending_transfer_not_pending'; END IF;
        v_debit := coalesce(v_debit, h.debit_account_id);
        v_credit := coalesce(v_credit, h.credit_account_id);
        v_amount := coalesce(v_amount, h.amount);
        IF v_debit <> h.debit_account_id THEN RETURN 'pending_transfer_has_different_debit_account_id'; END IF;
        IF v_credit <> h.credit_account_id THEN RETURN 'pending_transfer_has_different_credit_account_id'; END IF;
    ELSIF i.reverses_id IS NOT NULL THEN
        SELECT * INTO h FROM ledger.transfer WHERE book_id = p_book_id AND transfer_id = i.reverses_id;
        IF h.transfer_id IS NULL THEN RETURN 'reversed_transfer_not_found'; END IF;
        IF h.phase NOT IN ('single', 'post') THEN RETURN 'reversed_transfer_not_posted'; END IF;
        IF h.reverses_id IS NOT NULL THEN RETURN 'reversed_transfer_is_a_reversal'; END IF;
        SELECT coalesce(max(ordinal), 0) + 1, coalesce(max(reversed_after), 0) INTO v_ordinal, v_reversed
        FROM ledger.reversal WHERE book_id = p_book_id AND reversed_id = i.reverses_id;
        v_debit := coalesce(v_debit, h.credit_account_id);
        v_credit := coalesce(v_credit, h.debit_account_id);
        v_amount := coalesce(v_amount, nullif(h.amount - v_reversed, 0), h.amount);
        IF v_debit <> h.credit_account_id THEN RETURN 'reversed_transfer_has_different_credit_account_id'; END IF;
        IF v_credit <> h.debit_account_id THEN RETURN 'reversed_transfer_has_different_debit_account_id'; END IF;
    ELSIF i.balancing IS NOT NULL THEN
        v_amount := coalesce(v_amount, 9223372036854775807);
    END IF;
    IF v_amount IS NULL OR v_amount <= 0 THEN RETURN 'amount_must_be_positive'; END IF;
    IF v_debit = v_credit THEN RETURN 'accounts_must_be_different'; END IF;
    IF i.kind IS NULL OR (isfinite(i.event_at) AND isfinite(i.value_date)) IS NOT TRUE OR NOT isfinite(i.booked_at) THEN
        RETURN 'field_must_not_be_null';
    END IF;
    SELECT * INTO d FROM ledger.account WHERE book_id = p_book_id AND account_id = v_debit;
    IF d.account_id IS NULL THEN RETURN 'debit_account_not_found'; END IF;
    SELECT * INTO c FROM ledger.account WHERE book_id = p_book_id AND account_id = v_credit;
    IF c.account_id IS NULL THEN RETURN 'credit_account_not_found'; END IF;
    IF d.currency <> c.currency THEN RETURN 'accounts_must_have_the_same_currency'; END IF;
    -- The ledger's own clock never regresses on an account, even where the machine's is set back.
    v_booked_at := coalesce(i.booked_at, greatest(p_now, d.last_booked_at, c.last_booked_at));
    IF v_resolves THEN
        IF v_amount > h.amount THEN RETURN 'exceeds_pending_transfer_amount'; END IF;
        IF v_releases AND v_amount < h.amount THEN RETURN 'pending_transfer_has_different_amount'; END IF;
        CASE (SELECT phase FROM ledger.resolution WHERE book_id = p_book_id AND pending_id = i.pending_id)
            WHEN 'post' THEN RETURN 'pending_transfer_already_posted';
            WHEN 'void' THEN RETURN 'pending_transfer_already_voided';
            WHEN 'expire' THEN RETURN 'pending_transfer_expired';
            ELSE NULL;
        END CASE;
        IF i.phase = 'post' AND h.expires_at <= v_booked_at THEN RETURN 'pending_transfer_expired'; END IF;
        IF i.phase = 'expire' AND (h.expires_at <= v_booked_at) IS NOT TRUE THEN RETURN 'pending_transfer_not_expired'; END IF;
    ELSIF i.reverses_id IS NOT NULL THEN
        IF v_reversed = h.amount THEN RETURN 'reversed_transfer_already_reversed'; END IF;
        IF v_amount > h.amount - v_reversed THEN RETURN 'exceeds_reversed_transfer_amount'; END IF;
    END IF;
    IF NOT v_releases THEN
        IF d.closed THEN RETURN 'debit_account_closed'; END IF;
        IF c.closed THEN RETURN 'credit_account_closed'; END IF;
        IF d.debits_frozen THEN RETURN 'debit_account_frozen'; END IF;
        IF c.credits_frozen THEN RETURN 'credit_account_frozen'; END IF;
    END IF;
    IF v_booked_at < greatest(d.last_booked_at, c.last_booked_at) THEN RETURN 'booked_at_must_not_regress'; END IF;

    -- Clamped to what is left until the limit; an account without a limit is brought to zero.
    IF i.balancing IN ('debit', 'both') THEN
        v_amount := least(v_amount, d.credits_posted::numeric + coalesce(d.debit_limit, 0) - d.debits_posted - d.debits_pending);
        IF v_amount <= 0 THEN RETURN 'exceeds_credits'; END IF;
    END IF;
    IF i.balancing IN ('credit', 'both') THEN
        v_amount := least(v_amount, c.debits_posted::numeric + coalesce(c.credit_limit, 0) - c.credits_posted - c.credits_pending);
        IF v_amount <= 0 THEN RETURN 'exceeds_debits'; END IF;
    END IF;

    v_posted := CASE WHEN i.phase IN ('single', 'post') THEN v_amount ELSE 0 END;
    v_pending := CASE i.phase WHEN 'pending' THEN v_amount WHEN 'single' THEN 0 ELSE -h.amount END;
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

    INSERT INTO ledger.transfer (book_id, business_date, transfer_id, sequence, debit_account_id, credit_account_id,
        amount, pending, booked_at, event_at,
        dr_version, dr_debits_posted, dr_credits_posted, dr_debits_pending, dr_credits_pending,
        cr_version, cr_debits_posted, cr_credits_posted, cr_debits_pending, cr_credits_pending,
        value_date, dr_backdated, cr_backdated, phase, currency, kind, payment_id, pending_id, reverses_id, expires_at, balancing)
    VALUES (p_book_id, p_business_date, i.transfer_id, p_sequence, v_debit, v_credit, v_amount, v_pending, v_booked_at, i.event_at,
        d.version + 1, d.debits_posted + v_posted, d.credits_posted, d.debits_pending + v_pending, d.credits_pending,
        c.version + 1, c.debits_posted, c.credits_posted + v_posted, c.debits_pending, c.credits_pending + v_pending,
        i.value_date, i.value_date < d.last_value_date, i.value_date < c.last_value_date,
        i.phase, d.currency, i.kind, i.payment_id, i.pending_id, i.reverses_id,
        v_booked_at + make_interval(secs => i.timeout_s), i.balancing);
    UPDATE ledger.account SET debits_posted = debits_posted + v_posted, debits_pending = debits_pending + v_pending,
        version = version + 1, last_booked_at = v_booked_at, last_value_date = greatest(last_value_date, i.value_date)
    WHERE book_id = p_book_id AND account_id = v_debit;
    UPDATE ledger.account SET credits_posted = credits_posted + v_posted, credits_pending = credits_pending + v_pending,
        version = version + 1, last_booked_at = v_booked_at, last_value_date = greatest(last_value_date, i.value_date)
    WHERE book_id = p_book_id AND account_id = v_credit;
    IF v_resolves THEN
        INSERT INTO ledger.resolution VALUES (p_book_id, i.pending_id, i.transfer_id, i.phase);
    ELSIF i.reverses_id IS NOT NULL THEN
        INSERT INTO ledger.reversal VALUES (p_book_id, i.reverses_id, v_ordinal, i.transfer_id, h.amount, v_reversed + v_amount);
    END IF;
    RETURN 'created';
END $$;

-- ---------------------------------------------------------------------------------------------------
-- The longest clean prefix of a batch
-- ---------------------------------------------------------------------------------------------------

-- The rows that the longest clean prefix adds to the journal, in order, and what it makes of the accounts.
-- p_held: amount of the hold that an
-- item may resolve as it stands. Whether ids are new is left to the primary key, unless p_known marks
-- those that are not: then the caller has been refused once.
--
-- The bounds keep every bigint below 2^63: at most 10,000 amounts of at most 2^62 / 10,000 are added to
-- totals below 2^61, and the greatest sum formed is that of a posted and a pending total.
CREATE FUNCTION ledger.clean_prefix(
    p_book_id integer, p_business_date date, p_now timestamptz, p_floor uuid, p_sequence bigint, p_known boolean[],
    p_transfer_id uuid[], p_debit_account_id bigint[], p_credit_account_id bigint[], p_amount bigint[],
    p_phase text[], p_pending_id uuid[], p_held bigint[], p_linked boolean[], p_kind text[], p_payment_id uuid[],
    p_event_at timestamptz[], p_booked_at timestamptz[], p_value_date date[],
    p_reverses_id uuid[], p_timeout_s bigint[], p_balancing text[],
    OUT o_transfers ledger.transfer[], OUT o_accounts ledger.account_totals[]
) LANGUAGE plpgsql
-- The accounts are read once, by one walk along their key, and all parts are joined by hashing, whatever
-- the planner believes of the sizes.
SET enable_nestloop = off AS $$
BEGIN
    WITH touched AS MATERIALIZED (
        SELECT account_id, version, last_booked_at, last_value_date, currency, debit_limit, credit_limit,
            closed OR debits_frozen AS refuses_debits, closed OR credits_frozen AS refuses_credits,
            debits_posted, credits_posted, debits_pending, credits_pending
        FROM ledger.account WHERE book_id = p_book_id AND account_id = ANY (p_debit_account_id || p_credit_account_id)
    ), item AS MATERIALIZED (
        SELECT i.*, d.currency,
            CASE WHEN i.phase IN ('single', 'post') THEN i.amount ELSE 0 END AS posted,
            CASE i.phase WHEN 'single' THEN 0 WHEN 'pending' THEN i.amount ELSE -i.held END AS pending,
            d.version AS d_version, d.last_booked_at AS d_last, d.last_value_date AS d_valued, d.debit_limit,
            d.debits_posted AS d_debits_posted, d.credits_posted AS d_credits_posted,
            d.debits_pending AS d_debits_pending, d.credits_pending AS d_credits_pending,
            c.version AS c_version, c.last_booked_at AS c_last, c.last_value_date AS c_valued, c.credit_limit,
            c.debits_posted AS c_debits_posted, c.credits_posted AS c_credits_posted,
            c.debits_pending AS c_debits_pending, c.credits_pending AS c_credits_pending,
            i.id >= p_floor AND i.debit <> i.credit AND d.currency = c.currency
                AND i.amount BETWEEN 1 AND 461168601842738 AND i.kind IS NOT NULL
                AND isfinite(i.event_at) AND isfinite(i.value_date) AND isfinite(i.booked_at)
                AND i.reverses_id IS NULL AND i.balancing IS NULL AND i.known IS NOT TRUE
                AND d.debits_posted < 2305843009213693952 AND d.debits_pending < 2305843009213693952
                AND c.credits_posted < 2305843009213693952 AND c.credits_pending < 2305843009213693952
                AND CASE i.phase
                    WHEN 'single' THEN i.pending_id IS NULL AND i.timeout_s IS NULL
                    WHEN 'pending' THEN i.pending_id IS NULL AND (i.timeout_s IS NULL OR NOT i.imported AND i.timeout_s BETWEEN 1 AND 4294967295)
                    ELSE i.held IS NOT NULL AND i.timeout_s IS NULL END
                AND (i.phase IN ('void', 'expire') OR NOT (d.refuses_debits OR c.refuses_credits)) AS clean
        FROM (
            SELECT n::integer, id, debit, credit, amount, phase, pending_id, held, linked, kind, payment_id, event_at,
                coalesce(booked_at, p_now) AS booked_at, booked_at IS NOT NULL AS imported, value_date,
                reverses_id, timeout_s, balancing, known
            FROM unnest(p_transfer_id, p_debit_account_id, p_credit_account_id, p_amount, p_phase, p_pending_id, p_held, p_linked,
                    p_kind, p_payment_id, p_event_at, p_booked_at, p_value_date, p_reverses_id, p_timeout_s, p_balancing, p_known)
                WITH ORDINALITY AS item(id, debit, credit, amount, phase, pending_id, held, linked,
                    kind, payment_id, event_at, booked_at, value_date, reverses_id, timeout_s, balancing, known, n)
        ) AS i
        LEFT JOIN touched d ON d.account_id = i.debit
        LEFT JOIN touched c ON c.account_id = i.credit
    ), leg AS (
        SELECT n, 'D' AS side, debit AS account_id, booked_at, value_date, d_last AS last_booked_at, d_valued AS last_value_date,
            debit_limit AS excess_limit, d_version AS version,
            posted AS debit_posted, 0::bigint AS credit_posted, pending AS debit_pending, 0::bigint AS credit_pending,
            d_debits_posted AS debits_posted, d_credits_posted AS credits_posted,
            d_debits_pending AS debits_pending, d_credits_pending AS credits_pending
        FROM item WHERE clean
        UNION ALL
        SELECT n, 'C', credit, booked_at, value_date, c_last, c_valued, credit_limit, c_version, 0, posted, 0, pending,
            c_debits_posted, c_credits_posted, c_debits_pending, c_credits_pending
        FROM item WHERE clean
    ), running AS MATERIALIZED (
        SELECT n, side, account_id, booked_at, excess_limit, lead(n) OVER w AS next_n, version + row_number() OVER w AS version,
            debits_posted + ledger.running_total(debit_posted) OVER w AS debits_posted,
            credits_posted + ledger.running_total(credit_posted) OVER w AS credits_posted,
            debits_pending + ledger.running_total(debit_pending) OVER w AS debits_pending,
            credits_pending + ledger.running_total(credit_pending) OVER w AS credits_pending,
            greatest(last_value_date, max(value_date) OVER w) AS last_value_date,
            value_date < greatest(last_value_date, max(value_date) OVER w) AS backdated,
            booked_at < lag(booked_at, 1, last_booked_at) OVER w AS regresses
        FROM leg WINDOW w AS (PARTITION BY account_id ORDER BY n ROWS UNBOUNDED PRECEDING)
    ), prefix AS MATERIALIZED (
        SELECT coalesce(max(n), 0) AS through FROM item WHERE NOT linked AND n < (
            SELECT coalesce(least(
                (SELECT min(n) FROM item WHERE clean IS NOT TRUE),
                (SELECT min(n) FROM running WHERE regresses OR CASE side
                    WHEN 'D' THEN debits_posted - credits_posted + debits_pending
                    ELSE credits_posted - debits_posted + credits_pending END > excess_limit)),
                cardinality(p_transfer_id) + 1))
    )
    SELECT
        (SELECT array_agg(ROW(p_book_id, p_business_date, id, p_sequence + n, debit, credit, amount, item.pending, item.booked_at, event_at,
            d.version, d.debits_posted, d.credits_posted, d.debits_pending, d.credits_pending,
            c.version, c.debits_posted, c.credits_posted, c.debits_pending, c.credits_pending,
            value_date, d.backdated, c.backdated, phase, currency, kind, payment_id, pending_id, NULL,
            item.booked_at + make_interval(secs => timeout_s), NULL)::ledger.transfer)
        FROM item JOIN running d USING (n) JOIN running c USING (n)
        WHERE n <= through AND d.side = 'D' AND c.side = 'C'),
        (SELECT array_agg(ROW(account_id, version, debits_posted, credits_posted, debits_pending, credits_pending,
            booked_at, last_value_date)::ledger.account_totals)
        FROM running WHERE n <= through AND coalesce(next_n > through, true))
    INTO o_transfers, o_accounts FROM prefix;
END $$;

-- Posts items up to, and without, the first that needs a closer look, or the chain that it stands in;
-- returns how many.
CREATE FUNCTION ledger.post_clean_prefix(
    p_book_id integer, p_business_date date, p_now timestamptz, p_floor uuid, p_sequence bigint, p_known boolean[],
    p_transfer_id uuid[], p_debit_account_id bigint[], p_credit_account_id bigint[], p_amount bigint[],
    p_phase text[], p_pending_id uuid[], p_linked boolean[], p_kind text[], p_payment_id uuid[],
    p_event_at timestamptz[], p_booked_at timestamptz[], p_value_date date[],
    p_reverses_id uuid[], p_timeout_s bigint[], p_balancing text[]
) RETURNS integer LANGUAGE plpgsql
SET enable_nestloop = off AS $$
DECLARE
    v_held bigint[];
    v_transfers ledger.transfer[];
    v_accounts ledger.account_totals[];
BEGIN
    IF p_pending_id IS NOT NULL THEN
        SELECT array_agg(h.held ORDER BY n), array_agg(coalesce(amount, h.held) ORDER BY n),
            array_agg(coalesce(debit, h.debit_account_id) ORDER BY n), array_agg(coalesce(credit, h.credit_account_id) ORDER BY n)
        INTO v_held, p_amount, p_debit_account_id, p_credit_account_id
        FROM unnest(p_pending_id, p_debit_account_id, p_credit_account_id, p_amount, p_phase, p_booked_at)
            WITH ORDINALITY AS item(pending_id, debit, credit, amount, phase, booked_at, n)
        LEFT JOIN LATERAL (
            SELECT h.amount AS held, h.debit_account_id, h.credit_account_id FROM ledger.transfer h
            WHERE h.book_id = p_book_id AND h.transfer_id = item.pending_id AND h.phase = 'pending'
                AND (item.debit IS NULL OR item.debit = h.debit_account_id)
                AND (item.credit IS NULL OR item.credit = h.credit_account_id)
                AND CASE item.phase
                    WHEN 'post' THEN coalesce(item.amount <= h.amount, true) AND coalesce(h.expires_at > coalesce(item.booked_at, p_now), true)
                    WHEN 'void' THEN coalesce(item.amount = h.amount, true)
                    WHEN 'expire' THEN coalesce(item.amount = h.amount, true) AND h.expires_at <= coalesce(item.booked_at, p_now) END
            OFFSET 0 -- or the journal is hashed whole, for nested loops are off
        ) h ON true;
    END IF;

    SELECT * INTO v_transfers, v_accounts FROM ledger.clean_prefix(p_book_id, p_business_date, p_now, p_floor, p_sequence, p_known,
        p_transfer_id, p_debit_account_id, p_credit_account_id, p_amount, p_phase, p_pending_id, v_held, p_linked, p_kind,
        p_payment_id, p_event_at, p_booked_at, p_value_date, p_reverses_id, p_timeout_s, p_balancing);
    IF v_transfers IS NULL THEN RETURN 0; END IF;
    INSERT INTO ledger.transfer SELECT * FROM unnest(v_transfers);
    -- Before the accounts, for its key finds out whether a hold is resolved twice: their checks would too.
    IF p_pending_id IS NOT NULL THEN
        INSERT INTO ledger.resolution (book_id, pending_id, transfer_id, phase)
        SELECT book_id, pending_id, transfer_id, phase FROM unnest(v_transfers) WHERE pending_id IS NOT NULL;
    END IF;
    UPDATE ledger.account a SET debits_posted = u.debits_posted, credits_posted = u.credits_posted,
        debits_pending = u.debits_pending, credits_pending = u.credits_pending, version = u.version,
        last_booked_at = u.last_booked_at, last_value_date = u.last_value_date
    FROM unnest(v_accounts) AS u
    WHERE a.book_id = p_book_id AND a.account_id = u.account_id
        AND a.account_id = ANY (ARRAY(SELECT account_id FROM unnest(v_accounts)));
    RETURN cardinality(v_transfers);
END $$;

-- ---------------------------------------------------------------------------------------------------
-- Items in order
-- ---------------------------------------------------------------------------------------------------

-- Walks the chains of p_items, which end at its end; a chain that fails leaves nothing.
CREATE FUNCTION ledger.walk(
    p_book_id integer, p_business_date date, p_open boolean, p_now timestamptz, p_floor uuid, p_sequence bigint,
    p_items ledger.request[]
) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    v_items integer := cardinality(p_items);
    v_sequence bigint := p_sequence;
    v_first integer := 1;  -- of the chain
    v_last integer;
    v_codes text[] := array_fill(NULL::text, ARRAY[v_items]);
BEGIN
    WHILE v_first <= v_items LOOP
        v_last := v_first;
        WHILE v_last < v_items AND p_items[v_last].linked LOOP v_last := v_last + 1; END LOOP;
        IF p_items[v_last].linked THEN
            v_codes[v_first:v_last] := array_fill('linked_event_failed'::text, ARRAY[v_last - v_first + 1]);
            v_codes[v_last] := 'linked_event_chain_open';
        ELSIF v_last = v_first THEN
            v_codes[v_first] := ledger.create_transfer(
                p_book_id, p_business_date, p_open, p_now, p_floor, v_sequence + 1, p_items[v_first]);
            IF v_codes[v_first] = 'created' THEN v_sequence := v_sequence + 1; END IF;
        ELSE
            BEGIN
                FOR n IN v_first .. v_last LOOP
                    v_codes[n] := ledger.create_transfer(
                        p_book_id, p_business_date, p_open, p_now, p_floor, v_sequence + 1 + n - v_first, p_items[n]);
                    -- A chain that exists whole is answered as what it is; one that exists in part has failed.
                    IF v_codes[n] <> v_codes[v_first] OR v_codes[n] NOT IN ('created', 'exists') THEN
                        RAISE EXCEPTION 'the chain fails at item %', n USING ERRCODE = 'WGI01';
                    END IF;
                END LOOP;
                IF v_codes[v_first] = 'created' THEN v_sequence := v_sequence + v_last - v_first + 1; END IF;
            EXCEPTION WHEN SQLSTATE 'WGI01' THEN
                FOR n IN v_first .. v_last LOOP
                    IF v_codes[n] IS NULL OR v_codes[n] = 'created' THEN v_codes[n] := 'linked_event_failed'; END IF;
                END LOOP;
            END;
        END IF;
        v_first := v_last + 1;
    END LOOP;
    RETURN v_codes;
END $$;

-- ---------------------------------------------------------------------------------------------------
-- A batch
-- ---------------------------------------------------------------------------------------------------

-- Which items cannot be new: their id is in the journal or stood in the batch before, or their hold is
-- resolved or stood in the batch before.
CREATE FUNCTION ledger.known_items(p_book_id integer, p_transfer_id uuid[], p_pending_id uuid[]) RETURNS boolean[]
LANGUAGE plpgsql AS $$
BEGIN
    RETURN (
        SELECT array_agg(e.transfer_id IS NOT NULL OR r.pending_id IS NOT NULL OR id_before OR pending_before IS TRUE ORDER BY n)
        FROM (
            SELECT n, id, item.pending_id, row_number() OVER (PARTITION BY id ORDER BY n) > 1 AS id_before,
                item.pending_id IS NOT NULL AND row_number() OVER (PARTITION BY item.pending_id ORDER BY n) > 1 AS pending_before
            FROM unnest(p_transfer_id, p_pending_id) WITH ORDINALITY AS item(id, pending_id, n)
        ) AS item
        LEFT JOIN LATERAL (SELECT transfer_id FROM ledger.transfer WHERE book_id = p_book_id AND transfer_id = item.id OFFSET 0) e ON true
        LEFT JOIN LATERAL (
            SELECT pending_id FROM ledger.resolution WHERE book_id = p_book_id AND pending_id = item.pending_id OFFSET 0
        ) r ON true);
END $$;

CREATE FUNCTION ledger.create_transfers(
    p_book_id integer, p_business_date date,
    p_transfer_id uuid[], p_debit_account_id bigint[], p_credit_account_id bigint[], p_amount bigint[],
    p_phase text[], p_pending_id uuid[], p_linked boolean[], p_kind text[], p_payment_id uuid[],
    p_event_at timestamptz[], p_booked_at timestamptz[], p_value_date date[],
    p_reverses_id uuid[], p_timeout_s bigint[], p_balancing text[]
) RETURNS text[] LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
-- Every look-up is an index probe, whatever the statistics say: a plan made while the journal was
-- small must not scan it when it has grown. And arrays have no statistics to plan by.
SET enable_seqscan = off SET enable_mergejoin = off SET enable_bitmapscan = off SET enable_material = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_items integer := cardinality(p_transfer_id);
    v_state ledger.book_state;
    v_open boolean;
    v_now timestamptz;
    v_sequence bigint;
    v_known boolean[];
    v_codes text[];  -- of the items before v_first
    v_walked text[];
    v_first integer;
    v_last integer;
    v_window integer;  -- items that the next statement tries
    v_clean integer;  -- items that the last statement posted
BEGIN
    IF v_items > 10000 THEN
        RAISE EXCEPTION 'a batch holds at most 10000 items, not %', v_items USING ERRCODE = 'program_limit_exceeded';
    END IF;
    IF (v_items = ALL(ARRAY[cardinality(p_debit_account_id), cardinality(p_credit_account_id), cardinality(p_amount),
            cardinality(p_phase), cardinality(p_linked), cardinality(p_kind), cardinality(p_event_at), cardinality(p_value_date),
            coalesce(cardinality(p_pending_id), v_items), coalesce(cardinality(p_payment_id), v_items),
            coalesce(cardinality(p_booked_at), v_items), coalesce(cardinality(p_reverses_id), v_items),
            coalesce(cardinality(p_timeout_s), v_items), coalesce(cardinality(p_balancing), v_items)])) IS NOT TRUE
        OR p_business_date IS NULL
    THEN
        RAISE EXCEPTION 'the columns of a batch are as long as each other, and its business date is given'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF array_position(p_linked, NULL) IS NOT NULL THEN
        p_linked := ARRAY(SELECT coalesce(linked, false) FROM unnest(p_linked) WITH ORDINALITY AS item(linked, n) ORDER BY n);
    END IF;

    -- One writer a book, until it commits: no two batches of a book can interleave or deadlock, and the
    -- statements after this one see all that was committed before the lock was granted.
    SELECT * INTO v_state FROM ledger.book_state WHERE book_id = p_book_id FOR NO KEY UPDATE;
    IF v_state.book_id IS NULL THEN
        RAISE EXCEPTION 'book % does not exist', p_book_id USING ERRCODE = 'foreign_key_violation';
    END IF;
    v_open := v_state.closed_through IS NULL OR v_state.closed_through < p_business_date;
    v_now := ledger.clock(p_book_id);

    LOOP
        BEGIN
            v_codes := ARRAY[]::text[];
            v_sequence := v_state.sequence;
            v_first := 1;
            v_window := CASE WHEN v_open THEN v_items ELSE 0 END;
            WHILE v_first <= v_items LOOP
                v_clean := 0;
                IF v_window > 0 AND v_known[v_first] IS NOT TRUE THEN
                    v_last := least(v_first + v_window - 1, v_items);
                    WHILE v_last < v_items AND p_linked[v_last] LOOP v_last := v_last + 1; END LOOP;
                    v_clean := ledger.post_clean_prefix(p_book_id, p_business_date, v_now, v_state.id_floor, v_sequence,
                        v_known[v_first:v_last], p_transfer_id[v_first:v_last], p_debit_account_id[v_first:v_last],
                        p_credit_account_id[v_first:v_last], p_amount[v_first:v_last], p_phase[v_first:v_last],
                        p_pending_id[v_first:v_last], p_linked[v_first:v_last], p_kind[v_first:v_last],
                        p_payment_id[v_first:v_last], p_event_at[v_first:v_last], p_booked_at[v_first:v_last],
                        p_value_date[v_first:v_last], p_reverses_id[v_first:v_last], p_timeout_s[v_first:v_last],
                        p_balancing[v_first:v_last]);
                    IF v_clean > 0 THEN v_codes := v_codes || array_fill('created'::text, ARRAY[v_clean]); END IF;
                    v_sequence := v_sequence + v_clean;
                    v_first := v_first + v_clean;
                    v_window := greatest(64, 2 * v_clean);
                    CONTINUE WHEN v_first > v_last;
                END IF;
                -- Where unclean items stand close together, several are walked before the next statement.
                v_last := CASE WHEN v_window = 0 THEN v_items WHEN v_clean < 16 THEN least(v_first + 31, v_items) ELSE v_first END;
                WHILE v_last < v_items AND (p_linked[v_last] OR v_known[v_last + 1]) LOOP v_last := v_last + 1; END LOOP;
                SELECT ledger.walk(p_book_id, p_business_date, v_open, v_now, v_state.id_floor, v_sequence,
                    array_agg(item ORDER BY n)) INTO v_walked
                FROM unnest(p_transfer_id[v_first:v_last], p_debit_account_id[v_first:v_last], p_credit_account_id[v_first:v_last],
                        p_amount[v_first:v_last], p_phase[v_first:v_last], p_pending_id[v_first:v_last], p_linked[v_first:v_last],
                        p_kind[v_first:v_last], p_payment_id[v_first:v_last], p_event_at[v_first:v_last],
                        p_booked_at[v_first:v_last], p_value_date[v_first:v_last], p_reverses_id[v_first:v_last],
                        p_timeout_s[v_first:v_last], p_balancing[v_first:v_last])
                    WITH ORDINALITY AS i(id, debit, credit, amount, phase, pending_id, linked, kind, payment_id, event_at,
                        booked_at, value_date, reverses_id, timeout_s, balancing, n)
                CROSS JOIN LATERAL (SELECT ROW(id, debit, credit, amount, phase, pending_id, linked, kind, payment_id, event_at,
                        booked_at, value_date, reverses_id, timeout_s, balancing)::ledger.request) AS request(item);
                v_sequence := v_sequence + cardinality(array_positions(v_walked, 'created'));
                v_codes := v_codes || v_walked;
                v_first := cardinality(v_codes) + 1;
            END LOOP;
            EXIT;
        EXCEPTION WHEN unique_violation THEN
            -- An id is not new, or a hold is resolved twice: now the items are marked that must be walked.
            IF v_known IS NOT NULL THEN RAISE; END IF;
            v_known := ledger.known_items(p_book_id, p_transfer_id, p_pending_id);
        END;
    END LOOP;
    IF v_sequence > v_state.sequence THEN
        UPDATE ledger.book_state SET sequence = v_sequence WHERE book_id = p_book_id;
    END IF;
    RETURN v_codes;
END $$;
COMMENT ON FUNCTION ledger.create_transfers IS
    'Posts a batch in one book: at most 10,000 items, one result per item in order; a NULL booked_at is the clock after the lock. Columns that are NULL throughout may be NULL themselves.';
