-- Participants, books, accounts, business dates, seals; and who may do what.

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

COMMENT ON FUNCTION ledger.register_participant IS 'Adds a participant to the list, or says how the one there differs.';

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
        INSERT INTO ledger.book_state (book_id) VALUES (v_book_id);
    END IF;
    RETURN v_book_id;
END $$;
COMMENT ON FUNCTION ledger.open_book IS 'The book of a participant, opened if it has none yet.';

CREATE FUNCTION ledger.lock_book(p_book_id integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM ledger.book_state WHERE book_id = p_book_id FOR NO KEY UPDATE;
END $$;
COMMENT ON FUNCTION ledger.lock_book IS
    'Makes the transaction the only writer of a book. One that writes to several books first locks them in ascending order: then none can wait for each other.';

-- Codes are those of ledger_service.ledger.results.AccountResult. A parent stands in an earlier batch: of
-- those of one batch it is not known before its end which are created.
CREATE FUNCTION ledger.create_accounts(
    p_book_id integer, p_account_id bigint[], p_external_ref text[], p_chart_code integer[], p_normal_side text[],
    p_currency text[], p_parent_account_id bigint[], p_counterparty_id text[], p_party_id text[], p_party_kind text[],
    p_holder_name text[], p_opened_on date[], p_debit_limit bigint[], p_credit_limit bigint[]
) RETURNS text[] LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_state ledger.book_state;
    v_refusals text[];  -- of each item, by itself
    v_absent bigint[];
    v_created bigint[];
    v_codes text[];
BEGIN
    SELECT * INTO v_state FROM ledger.book_state WHERE book_id = p_book_id FOR NO KEY UPDATE;
    IF v_state.book_id IS NULL THEN
        RAISE EXCEPTION 'book % does not exist', p_book_id USING ERRCODE = 'foreign_key_violation';
    END IF;
    SELECT array_agg(CASE
            WHEN item.id IS NULL OR item.external_ref IS NULL OR item.currency IS NULL OR item.opened_on IS NULL THEN 'field_must_not_be_null'
            WHEN item.id <= 0 THEN 'account_id_must_be_positive'
            WHEN item.external_ref = '' THEN 'external_ref_must_not_be_empty'
            WHEN (item.chart_code BETWEEN 1000 AND 9999 AND item.normal_side IN ('D', 'C')) IS NOT TRUE THEN 'chart_code_unknown'
            WHEN item.currency !~ '^[A-Z]{3}$' THEN 'currency_malformed'
            WHEN item.debit_limit < 0 OR item.credit_limit < 0 THEN 'limit_must_not_be_negative'
            WHEN item.counterparty_id IS NOT NULL AND p.participant_id IS NULL THEN 'counterparty_not_found'
            WHEN item.parent_id IS NOT NULL AND parent.account_id IS NULL THEN 'parent_account_not_found'
            WHEN parent.closed AND present.account_id IS NULL THEN 'parent_account_closed'
            WHEN parent.currency <> item.currency THEN 'parent_account_has_different_currency'
        END ORDER BY item.n)
    INTO v_refusals
    FROM unnest(p_account_id, p_external_ref, p_chart_code, p_normal_side, p_currency, p_parent_account_id,
            p_counterparty_id, p_opened_on, p_debit_limit, p_credit_limit) WITH ORDINALITY
        AS item(id, external_ref, chart_code, normal_side, currency, parent_id, counterparty_id, opened_on, debit_limit, credit_limit, n)
    LEFT JOIN ledger.participant p ON p.participant_id = item.counterparty_id
    LEFT JOIN ledger.account parent ON parent.book_id = p_book_id AND parent.account_id = item.parent_id
    LEFT JOIN ledger.account present ON present.book_id = p_book_id AND present.account_id = item.id;
    -- The book is locked: what is absent now stays absent until the insertion, and what it adds is new.
    v_absent := ARRAY(
        SELECT DISTINCT id FROM unnest(p_account_id, v_refusals) AS item(id, refusal)
        WHERE refusal IS NULL AND NOT EXISTS (SELECT FROM ledger.account WHERE book_id = p_book_id AND account_id = id));
    INSERT INTO ledger.account (book_id, account_id, external_ref, chart_code, normal_side, currency, parent_account_id,
        counterparty_id, party_id, party_kind, holder_name, opened_on, debit_limit, credit_limit)
    SELECT p_book_id, id, external_ref, chart_code, normal_side, currency, parent_id, counterparty_id,
        party_id, party_kind, holder_name, opened_on, debit_limit, credit_limit
    FROM unnest(p_account_id, p_external_ref, p_chart_code, p_normal_side, p_currency, p_parent_account_id, p_counterparty_id,
            p_party_id, p_party_kind, p_holder_name, p_opened_on, p_debit_limit, p_credit_limit, v_refusals) WITH ORDINALITY
        AS item(id, external_ref, chart_code, normal_side, currency, parent_id, counterparty_id, party_id,
            party_kind, holder_name, opened_on, debit_limit, credit_limit, refusal, n)
    WHERE refusal IS NULL ORDER BY n
    ON CONFLICT DO NOTHING;
    v_created := ARRAY(SELECT account_id FROM ledger.account WHERE book_id = p_book_id AND account_id = ANY (v_absent));
    INSERT INTO ledger.account_revision (book_id, account_id, revision, sequence, changed_at, closed,
        debits_frozen, credits_frozen, debit_limit, credit_limit, reason)
    SELECT p_book_id, account_id, 1, v_state.sequence + row_number() OVER (ORDER BY account_id), clock_timestamp(), closed,
        debits_frozen, credits_frozen, debit_limit, credit_limit, 'opened'
    FROM ledger.account WHERE book_id = p_book_id AND account_id = ANY (v_created);
    UPDATE ledger.book_state SET sequence = sequence + cardinality(v_created) WHERE book_id = p_book_id;
    SELECT array_agg(CASE
            WHEN item.refusal IS NOT NULL THEN item.refusal
            WHEN item.n = item.created_n THEN 'created'
            WHEN a.account_id IS NULL OR item.n < item.created_n THEN 'external_ref_taken'
            WHEN a.external_ref <> item.external_ref THEN 'exists_with_different_external_ref'
            WHEN a.chart_code <> item.chart_code THEN 'exists_with_different_chart_code'
            WHEN a.currency <> item.currency THEN 'exists_with_different_currency'
            WHEN a.parent_account_id IS DISTINCT FROM item.parent_id THEN 'exists_with_different_parent_account_id'
            WHEN a.counterparty_id IS DISTINCT FROM item.counterparty_id THEN 'exists_with_different_counterparty_id'
            WHEN a.party_id IS DISTINCT FROM item.party_id THEN 'exists_with_different_party_id'
            WHEN o.debit_limit IS DISTINCT FROM item.debit_limit THEN 'exists_with_different_debit_limit'
            WHEN o.credit_limit IS DISTINCT FROM item.credit_limit THEN 'exists_with_different_credit_limit'
            ELSE 'exists' END ORDER BY item.n)
    INTO v_codes
    FROM (
        -- Of several items with the id of an account created now, the first with its reference made it.
        SELECT batch.*, min(batch.n) FILTER (WHERE batch.refusal IS NULL AND batch.external_ref = made.external_ref)
            OVER (PARTITION BY batch.id) AS created_n
        FROM unnest(p_account_id, p_external_ref, p_chart_code, p_currency, p_parent_account_id, p_counterparty_id, p_party_id,
                p_debit_limit, p_credit_limit, v_refusals) WITH ORDINALITY
            AS batch(id, external_ref, chart_code, currency, parent_id, counterparty_id, party_id, debit_limit, credit_limit, refusal, n)
        LEFT JOIN unnest(v_created) AS created(id) ON created.id = batch.id
        LEFT JOIN ledger.account made ON made.book_id = p_book_id AND made.account_id = created.id
    ) AS item
    LEFT JOIN ledger.account a ON a.book_id = p_book_id AND a.account_id = item.id
    -- The retry of an opening is compared with how the account was opened, not with how it is now.
    LEFT JOIN ledger.account_revision o ON o.book_id = p_book_id AND o.account_id = item.id AND o.revision = 1;
    RETURN coalesce(v_codes, ARRAY[]::text[]);
END $$;
COMMENT ON FUNCTION ledger.create_accounts IS 'Opens a batch of accounts in one book, one result per item in order.';

CREATE FUNCTION ledger.change_account(
    p_book_id integer, p_account_id bigint, p_revision integer, p_closed boolean, p_debits_frozen boolean,
    p_credits_frozen boolean, p_debit_limit bigint, p_credit_limit bigint, p_reason text
) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_state ledger.book_state;
    a ledger.account;
BEGIN
    SELECT * INTO v_state FROM ledger.book_state WHERE book_id = p_book_id FOR NO KEY UPDATE;
    SELECT * INTO a FROM ledger.account WHERE book_id = p_book_id AND account_id = p_account_id;
    IF a.account_id IS NULL THEN RETURN 'account_not_found'; END IF;
    IF num_nulls(p_revision, p_closed, p_debits_frozen, p_credits_frozen, nullif(p_reason, '')) > 0 THEN RETURN 'field_must_not_be_null'; END IF;
    IF p_debit_limit < 0 OR p_credit_limit < 0 THEN RETURN 'limit_must_not_be_negative'; END IF;
    IF (a.closed, a.debits_frozen, a.credits_frozen, a.debit_limit, a.credit_limit)
        IS NOT DISTINCT FROM (p_closed, p_debits_frozen, p_credits_frozen, p_debit_limit, p_credit_limit) THEN RETURN 'unchanged'; END IF;
    IF a.revision <> p_revision THEN RETURN 'revision_superseded'; END IF;
    IF p_closed THEN
        IF a.debits_pending > 0 OR a.credits_pending > 0 THEN RETURN 'account_has_holds'; END IF;
        IF a.debits_posted <> a.credits_posted THEN RETURN 'account_has_balance'; END IF;
        IF EXISTS (SELECT FROM ledger.account WHERE book_id = p_book_id AND parent_account_id = p_account_id AND NOT closed) THEN
            RETURN 'account_has_open_children';
        END IF;
    ELSIF EXISTS (SELECT FROM ledger.account WHERE book_id = p_book_id AND account_id = a.parent_account_id AND closed) THEN
        RETURN 'parent_account_closed';
    END IF;
    IF a.debits_posted - a.credits_posted > p_debit_limit::numeric - a.debits_pending THEN RETURN 'exceeds_debit_limit'; END IF;
    IF a.credits_posted - a.debits_posted > p_credit_limit::numeric - a.credits_pending THEN RETURN 'exceeds_credit_limit'; END IF;
    UPDATE ledger.account SET closed = p_closed, debits_frozen = p_debits_frozen, credits_frozen = p_credits_frozen,
        debit_limit = p_debit_limit, credit_limit = p_credit_limit, revision = revision + 1
    WHERE book_id = p_book_id AND account_id = p_account_id;
    INSERT INTO ledger.account_revision VALUES (p_book_id, p_account_id, a.revision + 1, v_state.sequence + 1, clock_timestamp(),
        p_closed, p_debits_frozen, p_credits_frozen, p_debit_limit, p_credit_limit, p_reason);
    UPDATE ledger.book_state SET sequence = sequence + 1 WHERE book_id = p_book_id;
    RETURN 'changed';
END $$;
COMMENT ON FUNCTION ledger.change_account IS
    'Closes, reopens, freezes, unfreezes or limits an account that the caller has seen in p_revision, and keeps the revision.';

CREATE FUNCTION ledger.close_business_date(p_book_id integer, p_business_date date, p_closed_at timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_sequence bigint;
BEGIN
    UPDATE ledger.book_state SET closed_through = p_business_date, sequence = sequence + 1
    WHERE book_id = p_book_id AND (closed_through IS NULL OR closed_through < p_business_date)
    RETURNING sequence INTO v_sequence;
    IF NOT FOUND THEN RETURN false; END IF;
    INSERT INTO ledger.business_day VALUES (p_book_id, p_business_date, p_closed_at, v_sequence);
    RETURN true;
END $$;
COMMENT ON FUNCTION ledger.close_business_date IS
    'Closes a business date and all before it; waits for transfers in flight. False when it was closed already.';

CREATE FUNCTION ledger.seal(
    p_book_id integer, p_first_sequence bigint, p_last_sequence bigint, p_transfers bigint, p_merkle_root bytea,
    p_previous_hash bytea, p_block_hash bytea, p_sealed_at timestamptz
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_last ledger.block;
BEGIN
    SELECT * INTO v_last FROM ledger.block WHERE book_id = p_book_id ORDER BY height DESC LIMIT 1;
    IF p_first_sequence <> coalesce(v_last.last_sequence, 0) + 1 THEN
        RAISE EXCEPTION 'event % is the next to be sealed', coalesce(v_last.last_sequence, 0) + 1
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF p_last_sequence > (SELECT sequence FROM ledger.book_state WHERE book_id = p_book_id) THEN
        RAISE EXCEPTION 'event % has not happened', p_last_sequence USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    INSERT INTO ledger.block VALUES (p_book_id, coalesce(v_last.height, 0) + 1, p_first_sequence, p_last_sequence, p_transfers,
        p_merkle_root, p_previous_hash, p_block_hash, p_sealed_at);
    RETURN coalesce(v_last.height, 0) + 1;
END $$;
COMMENT ON FUNCTION ledger.seal IS 'Appends a block; each begins where the one before ended.';

-- ---------------------------------------------------------------------------------------------------
-- Who may do what
-- ---------------------------------------------------------------------------------------------------

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT USAGE ON SCHEMA ledger TO wgi_app, wgi_close;
GRANT SELECT ON ALL TABLES IN SCHEMA ledger TO wgi_app, wgi_close;
GRANT EXECUTE ON FUNCTION ledger.create_transfers, ledger.create_accounts, ledger.change_account, ledger.register_participant,
    ledger.open_book, ledger.lock_book TO wgi_app;
GRANT EXECUTE ON FUNCTION ledger.close_business_date, ledger.seal, ledger.add_partitions TO wgi_close;
GRANT EXECUTE ON FUNCTION ledger.clock TO wgi_app, wgi_close;
