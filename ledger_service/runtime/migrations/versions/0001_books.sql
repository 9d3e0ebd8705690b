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

-- Opened in order of account id, so that two batches wait for each other instead of deadlocking. Codes
-- are those of ledger_service.ledger.results.AccountResult.
CREATE FUNCTION ledger.create_accounts(
    p_book_id integer, p_account_id bigint[], p_external_ref text[], p_chart_code integer[], p_normal_side text[],
    p_currency text[], p_counterparty_id text[], p_party_id text[], p_party_kind text[], p_holder_name text[],
    p_opened_on date[], p_debit_limit bigint[], p_credit_limit bigint[]
) RETURNS text[] LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_refusals text[];  -- of each item, by itself
    v_created bigint[];
    v_codes text[];
BEGIN
    SELECT array_agg(CASE
            WHEN item.id IS NULL OR external_ref IS NULL OR currency IS NULL OR opened_on IS NULL THEN 'field_must_not_be_null'
            WHEN item.id <= 0 THEN 'account_id_must_be_positive'
            WHEN external_ref = '' THEN 'external_ref_must_not_be_empty'
            WHEN (chart_code BETWEEN 1000 AND 9999 AND normal_side IN ('D', 'C')) IS NOT TRUE THEN 'chart_code_unknown'
            WHEN currency !~ '^[A-Z]{3}$' THEN 'currency_malformed'
            WHEN debit_limit < 0 OR credit_limit < 0 THEN 'limit_must_not_be_negative'
            WHEN counterparty_id IS NOT NULL AND p.participant_id IS NULL THEN 'counterparty_not_found'
        END ORDER BY item.n)
    INTO v_refusals
    FROM unnest(p_account_id, p_external_ref, p_chart_code, p_normal_side, p_currency, p_counterparty_id, p_opened_on,
            p_debit_limit, p_credit_limit) WITH ORDINALITY
        AS item(id, external_ref, chart_code, normal_side, currency, counterparty_id, opened_on, debit_limit, credit_limit, n)
    LEFT JOIN ledger.participant p ON p.participant_id = item.counterparty_id;
    WITH created AS (
        INSERT INTO ledger.account (book_id, account_id, external_ref, chart_code, normal_side, currency, counterparty_id,
            party_id, party_kind, holder_name, opened_on, debit_limit, credit_limit)
        SELECT p_book_id, id, external_ref, chart_code, normal_side, currency, counterparty_id,
            party_id, party_kind, holder_name, opened_on, debit_limit, credit_limit
        FROM unnest(p_account_id, p_external_ref, p_chart_code, p_normal_side, p_currency, p_counterparty_id, p_party_id,
                p_party_kind, p_holder_name, p_opened_on, p_debit_limit, p_credit_limit, v_refusals) WITH ORDINALITY
            AS item(id, external_ref, chart_code, normal_side, currency, counterparty_id, party_id,
                party_kind, holder_name, opened_on, debit_limit, credit_limit, refusal, n)
        WHERE refusal IS NULL ORDER BY id, n
        ON CONFLICT DO NOTHING RETURNING account_id
    )
    SELECT array_agg(account_id) INTO v_created FROM created;
    SELECT array_agg(CASE
            WHEN item.refusal IS NOT NULL THEN item.refusal
            WHEN item.n = item.created_n THEN 'created'
            WHEN a.account_id IS NULL OR item.n < item.created_n THEN 'external_ref_taken'
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
        -- Of several items with the id of an account created now, the first with its reference made it.
        SELECT batch.*, min(batch.n) FILTER (WHERE batch.refusal IS NULL AND batch.external_ref = made.external_ref)
            OVER (PARTITION BY batch.id) AS created_n
        FROM unnest(p_account_id, p_external_ref, p_chart_code, p_currency, p_counterparty_id, p_party_id, p_debit_limit,
                p_credit_limit, v_refusals) WITH ORDINALITY
            AS batch(id, external_ref, chart_code, currency, counterparty_id, party_id, debit_limit, credit_limit, refusal, n)
        LEFT JOIN unnest(v_created) AS created(id) ON created.id = batch.id
        LEFT JOIN ledger.account made ON made.book_id = p_book_id AND made.account_id = created.id
    ) AS item
    LEFT JOIN ledger.account a ON a.book_id = p_book_id AND a.account_id = item.id;
    RETURN coalesce(v_codes, ARRAY[]::text[]);
END $$;

CREATE FUNCTION ledger.close_business_date(p_book_id integer, p_business_date date, p_closed_at timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- A row lock alone could wait for ever: while postings overlap, some one always shares the row. In
    -- the queue for the table this close has its turn, and waits only for postings that are in flight.
    LOCK TABLE ledger.book_state IN EXCLUSIVE MODE;
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
    v_sealed_through date;
    v_unsealed date;
BEGIN
    IF NOT EXISTS (SELECT FROM ledger.book_state WHERE book_id = p_book_id AND closed_through >= p_business_date) THEN
        RAISE EXCEPTION 'it is not closed' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    SELECT coalesce(max(height), 0), coalesce(max(business_date), '-infinity') INTO v_height, v_sealed_through
    FROM ledger.block WHERE book_id = p_book_id;
    IF p_business_date <= v_sealed_through THEN
        RAISE EXCEPTION '% is sealed already', v_sealed_through USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    SELECT min(business_date) INTO v_unsealed FROM ledger.transfer
    WHERE book_id = p_book_id AND business_date > v_sealed_through AND business_date < p_business_date;
    IF v_unsealed IS NOT NULL THEN
        RAISE EXCEPTION '% has transfers and comes first', v_unsealed USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    INSERT INTO ledger.block VALUES
        (p_book_id, v_height + 1, p_business_date, p_transfers, p_merkle_root, p_previous_hash, p_block_hash);
    RETURN v_height + 1;
END $$;
COMMENT ON FUNCTION ledger.seal IS
    'Appends the block of a closed business date; dates are sealed in order, and none that has transfers is left out.';

-- ---------------------------------------------------------------------------------------------------
-- Who may do what
-- ---------------------------------------------------------------------------------------------------

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT USAGE ON SCHEMA ledger TO wgi_app, wgi_close;
GRANT SELECT ON ALL TABLES IN SCHEMA ledger TO wgi_app, wgi_close;
GRANT EXECUTE ON FUNCTION ledger.create_transfers, ledger.create_accounts, ledger.register_participant, ledger.open_book TO wgi_app;
GRANT EXECUTE ON FUNCTION ledger.close_business_date, ledger.seal TO wgi_close;
