-- Posting: batches of transfers into one book, one result per item.
--
-- create_transfers   locks the accounts, then alternates the two below; what it leaves is what posting
--                    the items one by one would have left
-- post_clean_prefix  one set-based statement for the longest prefix in which nothing can go wrong
-- create_transfer    one item with every check, for the item that ends such a prefix
--
-- Codes are those of ledger_service.ledger.results.TransferResult, their order the precedence.

-- Totals stay below 2^63 by the bounds of post_clean_prefix; sum(bigint) would pay for numeric.
CREATE AGGREGATE ledger.running_total(bigint) (sfunc = int8pl, stype = bigint, initcond = '0');

-- ---------------------------------------------------------------------------------------------------
-- One item
-- ---------------------------------------------------------------------------------------------------

-- The accounts of the item are locked, but for those that only its hold names: a hold that became
-- visible after the locks were taken is not found.
CREATE FUNCTION ledger.create_transfer(
    p_book_id integer, p_business_date date, p_open boolean, p_now timestamptz,
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
    v_booked_at timestamptz;
BEGIN
    SELECT * INTO h FROM ledger.transfer WHERE book_id = p_book_id AND transfer_id = p_pending_id
        AND (p_debit_account_id IS NOT NULL AND p_credit_account_id IS NOT NULL OR xid = pg_current_xact_id());
    IF h.transfer_id IS NOT NULL THEN
        -- A resolving item may leave out what its hold says.
        v_debit := coalesce(p_debit_account_id, h.debit_account_id);
        v_credit := coalesce(p_credit_account_id, h.credit_account_id);
        v_amount := coalesce(p_amount, h.amount);
    END IF;
    SELECT * INTO e FROM ledger.transfer WHERE book_id = p_book_id AND transfer_id = p_transfer_id;
    IF e.transfer_id IS NOT NULL THEN
        RETURN CASE
            WHEN e.phase IS DISTINCT FROM p_phase THEN 'exists_with_different_phase'
            WHEN e.pending_id IS DISTINCT FROM p_pending_id THEN 'exists_with_different_pending_id'
            WHEN e.debit_account_id IS DISTINCT FROM v_debit THEN 'exists_with_different_debit_account_id'
            WHEN e.credit_account_id IS DISTINCT FROM v_credit THEN 'exists_with_different_credit_account_id'
            WHEN e.amount IS DISTINCT FROM v_amount THEN 'exists_with_different_amount'
            WHEN e.kind IS DISTINCT FROM p_kind THEN 'exists_with_different_kind'
            WHEN e.payment_id IS DISTINCT FROM p_payment_id THEN 'exists_with_different_payment_id'
            WHEN e.value_date IS DISTINCT FROM p_value_date THEN 'exists_with_different_value_date'
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
    IF p_kind IS NULL OR (isfinite(p_event_at) AND isfinite(p_value_date)) IS NOT TRUE OR NOT isfinite(p_booked_at) THEN
        RETURN 'field_must_not_be_null';
    END IF;
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
    -- The ledger's own clock never regresses on an account, even where the machine's is set back.
    v_booked_at := coalesce(p_booked_at, greatest(p_now, d.last_booked_at, c.last_booked_at));
    IF v_booked_at < greatest(d.last_booked_at, c.last_booked_at) THEN RETURN 'booked_at_must_not_regress'; END IF;

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
        p_pending_id, p_kind, p_payment_id, p_event_at, v_booked_at, p_value_date, p_business_date);
    UPDATE ledger.account SET debits_posted = debits_posted + v_posted, debits_pending = debits_pending + v_pending,
        version = version + 1, last_booked_at = v_booked_at
    WHERE book_id = p_book_id AND account_id = v_debit RETURNING * INTO d;
    UPDATE ledger.account SET credits_posted = credits_posted + v_posted, credits_pending = credits_pending + v_pending,
        version = version + 1, last_booked_at = v_booked_at
    WHERE book_id = p_book_id AND account_id = v_credit RETURNING * INTO c;
    INSERT INTO ledger.entry (book_id, account_id, version, transfer_id, side, amount, pending,
        debits_posted_after, credits_posted_after, debits_pending_after, credits_pending_after, booked_at, business_date)
    VALUES (p_book_id, v_debit, d.version, p_transfer_id, 'D', v_posted, v_pending,
        d.debits_posted, d.credits_posted, d.debits_pending, d.credits_pending, v_booked_at, p_business_date),
       (p_book_id, v_credit, c.version, p_transfer_id, 'C', v_posted, v_pending,
        c.debits_posted, c.credits_posted, c.debits_pending, c.credits_pending, v_booked_at, p_business_date);
    RETURN 'created';
END $$;

-- ---------------------------------------------------------------------------------------------------
-- The longest clean prefix of a batch
-- ---------------------------------------------------------------------------------------------------

-- Posts items up to, and without, the first that needs a closer look, or the chain that it stands in;
-- returns the codes of those posted (or existing): as many as the prefix is long.
--
-- The bounds keep every bigint below 2^63: at most 10,000 amounts of at most 2^62 / 10,000 are added to
-- totals below 2^61, and the greatest sum formed is that of a posted and a pending total.
CREATE FUNCTION ledger.post_clean_prefix(
    p_book_id integer, p_business_date date, p_open boolean, p_now timestamptz, p_chained boolean,
    p_transfer_id uuid[], p_debit_account_id bigint[], p_credit_account_id bigint[], p_amount bigint[],
    p_phase text[], p_pending_id uuid[], p_linked boolean[], p_kind text[], p_payment_id uuid[],
    p_event_at timestamptz[], p_booked_at timestamptz[], p_value_date date[]
) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    v_codes text[];
BEGIN
    WITH judged AS MATERIALIZED (
        SELECT item.n, item.id, item.linked, item.debit, item.credit, coalesce(item.amount, h.amount) AS amount,
            item.phase, item.pending_id, item.kind, item.payment_id, item.event_at,
            coalesce(item.booked_at, p_now) AS booked_at, item.value_date, d.currency,
            CASE WHEN item.phase IN ('single', 'post') THEN coalesce(item.amount, h.amount) ELSE 0 END AS posted,
            CASE item.phase WHEN 'single' THEN 0 WHEN 'pending' THEN item.amount ELSE -h.amount END AS pending,
            d.version AS d_version, d.last_booked_at AS d_last, d.debit_limit,
            d.debits_posted AS d_debits_posted, d.credits_posted AS d_credits_posted,
            d.debits_pending AS d_debits_pending, d.credits_pending AS d_credits_pending,
            c.version AS c_version, c.last_booked_at AS c_last, c.credit_limit,
            c.debits_posted AS c_debits_posted, c.credits_posted AS c_credits_posted,
            c.debits_pending AS c_debits_pending, c.credits_pending AS c_credits_pending,
            CASE
                WHEN e.transfer_id IS NOT NULL THEN CASE WHEN NOT p_chained
                    AND e.phase = item.phase AND e.pending_id IS NOT DISTINCT FROM item.pending_id
                    AND e.debit_account_id = item.debit AND e.credit_account_id = item.credit
                    AND e.amount = coalesce(item.amount, h.amount) AND e.kind = item.kind
                    AND e.payment_id IS NOT DISTINCT FROM item.payment_id AND e.value_date = item.value_date THEN 'exists' END
                WHEN p_open AND item.id IS NOT NULL AND item.debit <> item.credit AND d.currency = c.currency
                    AND coalesce(item.amount, h.amount) BETWEEN 1 AND 461168601842738
                    AND item.kind IS NOT NULL AND isfinite(item.event_at) AND isfinite(item.value_date)
                    AND isfinite(coalesce(item.booked_at, p_now))
                    AND d.debits_posted < 2305843009213693952 AND d.debits_pending < 2305843009213693952
                    AND c.credits_posted < 2305843009213693952 AND c.credits_pending < 2305843009213693952
                    AND CASE
                        WHEN item.phase IN ('single', 'pending') THEN item.pending_id IS NULL AND d.state = 'open' AND c.state = 'open'
                        ELSE h.phase = 'pending' AND h.debit_account_id = item.debit AND h.credit_account_id = item.credit
                            AND r.transfer_id IS NULL AND CASE item.phase
                                WHEN 'post' THEN coalesce(item.amount, h.amount) <= h.amount AND d.state = 'open' AND c.state = 'open'
                                WHEN 'void' THEN coalesce(item.amount, h.amount) = h.amount END
                        END
                    THEN 'created'
            END AS code
        FROM unnest(p_transfer_id, p_debit_account_id, p_credit_account_id, p_amount, p_phase, p_pending_id, p_linked,
                p_kind, p_payment_id, p_event_at, p_booked_at, p_value_date) WITH ORDINALITY
            AS item(id, debit, credit, amount, phase, pending_id, linked, kind, payment_id, event_at, booked_at, value_date, n)
        LEFT JOIN ledger.transfer e ON e.book_id = p_book_id AND e.transfer_id = item.id
        LEFT JOIN ledger.transfer h ON h.book_id = p_book_id AND h.transfer_id = item.pending_id
        LEFT JOIN ledger.transfer r ON r.book_id = p_book_id AND r.pending_id = item.pending_id
        LEFT JOIN ledger.account d ON d.book_id = p_book_id AND d.account_id = item.debit
        LEFT JOIN ledger.account c ON c.book_id = p_book_id AND c.account_id = item.credit
    ), leg AS (
        SELECT n, id, 'D' AS side, debit AS account_id, posted, pending, booked_at, d_last AS last_booked_at,
            debit_limit AS excess_limit, d_version AS version,
            posted AS debit_posted, 0::bigint AS credit_posted, pending AS debit_pending, 0::bigint AS credit_pending,
            d_debits_posted AS debits_posted, d_credits_posted AS credits_posted,
            d_debits_pending AS debits_pending, d_credits_pending AS credits_pending
        FROM judged WHERE code = 'created'
        UNION ALL
        SELECT n, id, 'C', credit, posted, pending, booked_at, c_last, credit_limit, c_version, 0, posted, 0, pending,
            c_debits_posted, c_credits_posted, c_debits_pending, c_credits_pending
        FROM judged WHERE code = 'created'
    ), running AS MATERIALIZED (
        SELECT n, id, side, account_id, posted, pending, booked_at, excess_limit,
            version + row_number() OVER w AS version, lead(n) OVER w AS next_n,
            debits_posted + ledger.running_total(debit_posted) OVER w AS debits_posted,
            credits_posted + ledger.running_total(credit_posted) OVER w AS credits_posted,
            debits_pending + ledger.running_total(debit_pending) OVER w AS debits_pending,
            credits_pending + ledger.running_total(credit_pending) OVER w AS credits_pending,
            booked_at < lag(booked_at, 1, last_booked_at) OVER w AS regresses
        FROM leg WINDOW w AS (PARTITION BY account_id ORDER BY n ROWS UNBOUNDED PRECEDING)
    ), clean AS MATERIALIZED (
        SELECT coalesce(max(n), 0) AS through FROM judged WHERE NOT linked AND n < (
            SELECT coalesce(least(
                (SELECT min(n) FROM judged WHERE code IS NULL),
                (SELECT min(n) FROM running WHERE regresses OR CASE side
                    WHEN 'D' THEN debits_posted - credits_posted + debits_pending
                    ELSE credits_posted - debits_posted + credits_pending END > excess_limit)),
                cardinality(p_transfer_id) + 1))
    ), journal AS (
        INSERT INTO ledger.transfer (book_id, transfer_id, debit_account_id, credit_account_id, currency, amount, phase,
            pending_id, kind, payment_id, event_at, booked_at, value_date, business_date)
        SELECT p_book_id, id, debit, credit, currency, amount, phase,
            pending_id, kind, payment_id, event_at, booked_at, value_date, p_business_date
        FROM judged WHERE code = 'created' AND n <= (SELECT through FROM clean)
    ), sides AS (
        INSERT INTO ledger.entry (book_id, account_id, version, transfer_id, side, amount, pending,
            debits_posted_after, credits_posted_after, debits_pending_after, credits_pending_after, booked_at, business_date)
        SELECT p_book_id, account_id, version, id, side, posted, pending,
            debits_posted, credits_posted, debits_pending, credits_pending, booked_at, p_business_date
        FROM running WHERE n <= (SELECT through FROM clean)
    ), totals AS (
        UPDATE ledger.account a SET debits_posted = r.debits_posted, credits_posted = r.credits_posted,
            debits_pending = r.debits_pending, credits_pending = r.credits_pending, version = r.version, last_booked_at = r.booked_at
        FROM running r
        WHERE r.n <= (SELECT through FROM clean) AND (r.next_n IS NULL OR r.next_n > (SELECT through FROM clean))
            AND a.book_id = p_book_id AND a.account_id = r.account_id
    )
    SELECT array_agg(code ORDER BY n) INTO v_codes FROM judged WHERE n <= (SELECT through FROM clean);
    RETURN coalesce(v_codes, ARRAY[]::text[]);
END $$;

-- ---------------------------------------------------------------------------------------------------
-- Items in order
-- ---------------------------------------------------------------------------------------------------

-- Walks the chains from the one that begins at p_first to the one that p_last stands in; a chain that
-- fails leaves nothing.
CREATE FUNCTION ledger.walk(
    p_book_id integer, p_business_date date, p_open boolean, p_now timestamptz, p_first integer, p_last integer,
    p_transfer_id uuid[], p_debit_account_id bigint[], p_credit_account_id bigint[], p_amount bigint[],
    p_phase text[], p_pending_id uuid[], p_linked boolean[], p_kind text[], p_payment_id uuid[],
    p_event_at timestamptz[], p_booked_at timestamptz[], p_value_date date[]
) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    v_items integer := cardinality(p_transfer_id);
    v_first integer := p_first;  -- of the chain
    v_last integer;
    v_codes text[];  -- by position in the batch, of this chain
    v_all text[] := ARRAY[]::text[];
BEGIN
    WHILE v_first <= p_last LOOP
        v_last := v_first;
        WHILE v_last < v_items AND p_linked[v_last] LOOP v_last := v_last + 1; END LOOP;
        v_codes := array_fill(NULL::text, ARRAY[v_last - v_first + 1], ARRAY[v_first]);
        IF p_linked[v_last] THEN
            v_codes := array_fill('linked_event_failed'::text, ARRAY[v_last - v_first + 1], ARRAY[v_first]);
            v_codes[v_last] := 'linked_event_chain_open';
        ELSIF v_last = v_first THEN
            v_codes[v_first] := ledger.create_transfer(p_book_id, p_business_date, p_open, p_now,
                p_transfer_id[v_first], p_debit_account_id[v_first], p_credit_account_id[v_first], p_amount[v_first],
                p_phase[v_first], p_pending_id[v_first], p_kind[v_first], p_payment_id[v_first], p_event_at[v_first],
                p_booked_at[v_first], p_value_date[v_first]);
        ELSE
            BEGIN
                FOR i IN v_first .. v_last LOOP
                    v_codes[i] := ledger.create_transfer(p_book_id, p_business_date, p_open, p_now,
                        p_transfer_id[i], p_debit_account_id[i], p_credit_account_id[i], p_amount[i],
                        p_phase[i], p_pending_id[i], p_kind[i], p_payment_id[i], p_event_at[i],
                        p_booked_at[i], p_value_date[i]);
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
        v_all := v_all || v_codes;
        v_first := v_last + 1;
    END LOOP;
    RETURN v_all;
END $$;

-- ---------------------------------------------------------------------------------------------------
-- A batch
-- ---------------------------------------------------------------------------------------------------

CREATE FUNCTION ledger.create_transfers(
    p_book_id integer, p_business_date date,
    p_transfer_id uuid[], p_debit_account_id bigint[], p_credit_account_id bigint[], p_amount bigint[],
    p_phase text[], p_pending_id uuid[], p_linked boolean[], p_kind text[], p_payment_id uuid[],
    p_event_at timestamptz[], p_booked_at timestamptz[], p_value_date date[]
) RETURNS text[] LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
-- Every look-up is an index probe, whatever the statistics say: a plan made while the journal was
-- small must not scan it when it has grown. And arrays have no statistics to plan by.
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off
SET enable_material = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_items integer := cardinality(p_transfer_id);
    v_open boolean;
    v_now timestamptz;
    v_chained boolean := true = ANY(p_linked);
    v_attempts integer := 0;
    v_codes text[];  -- of the items before v_first
    v_first integer;
    v_last integer;
    v_window integer;  -- items that the next statement tries
    v_clean integer;  -- items that the last statement posted
BEGIN
    IF v_items > 10000 THEN
        RAISE EXCEPTION 'a batch holds at most 10000 items, not %', v_items USING ERRCODE = 'program_limit_exceeded';
    END IF;
    IF (v_items = ALL(ARRAY[cardinality(p_debit_account_id), cardinality(p_credit_account_id), cardinality(p_amount),
            cardinality(p_phase), cardinality(p_pending_id), cardinality(p_linked), cardinality(p_kind),
            cardinality(p_payment_id), cardinality(p_event_at), cardinality(p_booked_at), cardinality(p_value_date)])) IS NOT TRUE
        OR p_business_date IS NULL
    THEN
        RAISE EXCEPTION 'the columns of a batch are as long as each other, and its business date is given'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF array_position(p_linked, NULL) IS NOT NULL THEN
        p_linked := ARRAY(SELECT coalesce(linked, false) FROM unnest(p_linked) WITH ORDINALITY AS item(linked, n) ORDER BY n);
    END IF;
    -- Resolving items may leave out their accounts: those of holds that are there already are filled in
    -- before the locks, for which they are needed.
    IF num_nonnulls(VARIADIC p_pending_id) > 0 THEN
        SELECT array_agg(coalesce(item.debit, h.debit_account_id) ORDER BY n), array_agg(coalesce(item.credit, h.credit_account_id) ORDER BY n)
        INTO p_debit_account_id, p_credit_account_id
        FROM unnest(p_pending_id, p_debit_account_id, p_credit_account_id) WITH ORDINALITY AS item(pending_id, debit, credit, n)
        LEFT JOIN ledger.transfer h ON h.book_id = p_book_id AND h.transfer_id = item.pending_id;
    END IF;

    LOOP
        BEGIN
            SELECT closed_through IS NULL OR closed_through < p_business_date INTO v_open
            FROM ledger.book_state WHERE book_id = p_book_id FOR SHARE;
            IF v_open IS NULL THEN
                RAISE EXCEPTION 'book % does not exist', p_book_id USING ERRCODE = 'foreign_key_violation';
            END IF;
            -- Every account that the batch can touch, in id order: so no two batches can deadlock. The
            -- statements after this one see all that was committed before the last lock was granted.
            PERFORM 1 FROM (
                SELECT unnest(p_debit_account_id) AS account_id UNION SELECT unnest(p_credit_account_id) ORDER BY account_id
            ) AS touched CROSS JOIN LATERAL (
                SELECT 1 FROM ledger.account a WHERE a.book_id = p_book_id AND a.account_id = touched.account_id FOR NO KEY UPDATE
            ) AS locked;
            v_now := clock_timestamp();

            v_codes := ARRAY[]::text[];
            v_first := 1;
            v_window := v_items;
            WHILE v_first <= v_items LOOP
                v_clean := 0;
                IF v_attempts = 0 THEN
                    v_last := least(v_first + v_window - 1, v_items);
                    WHILE v_last < v_items AND p_linked[v_last] LOOP v_last := v_last + 1; END LOOP;
                    v_codes := v_codes || ledger.post_clean_prefix(p_book_id, p_business_date, v_open, v_now, v_chained,
                        p_transfer_id[v_first:v_last], p_debit_account_id[v_first:v_last], p_credit_account_id[v_first:v_last],
                        p_amount[v_first:v_last], p_phase[v_first:v_last], p_pending_id[v_first:v_last], p_linked[v_first:v_last],
                        p_kind[v_first:v_last], p_payment_id[v_first:v_last], p_event_at[v_first:v_last],
                        p_booked_at[v_first:v_last], p_value_date[v_first:v_last]);
                    v_clean := cardinality(v_codes) + 1 - v_first;
                    v_first := v_first + v_clean;
                    v_window := greatest(64, 2 * v_clean);
                    CONTINUE WHEN v_first > v_last;
                END IF;
                -- Where unclean items stand close together, several are walked before the next statement.
                v_last := CASE WHEN v_attempts > 0 THEN v_items WHEN v_clean < 16 THEN least(v_first + 31, v_items) ELSE v_first END;
                v_codes := v_codes || ledger.walk(p_book_id, p_business_date, v_open, v_now, v_first, v_last,
                    p_transfer_id, p_debit_account_id, p_credit_account_id, p_amount, p_phase, p_pending_id, p_linked,
                    p_kind, p_payment_id, p_event_at, p_booked_at, p_value_date);
                v_first := cardinality(v_codes) + 1;
            END LOOP;
            RETURN v_codes;
        EXCEPTION WHEN unique_violation OR check_violation THEN
            -- An id stands twice in the batch, or another connection posted it meanwhile, or a hold is
            -- resolved twice (which may first show as a negative pending total). By now the other one is
            -- visible: walked in order, each item meets it.
            v_attempts := v_attempts + 1;
            IF v_attempts > 3 THEN RAISE; END IF;
        END;
    END LOOP;
END $$;
COMMENT ON FUNCTION ledger.create_transfers IS
    'Posts a batch in one book: at most 10,000 items, one result per item in order; a NULL booked_at is the clock after the locks.';

