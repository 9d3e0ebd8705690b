-- The gateway: what was answered to requests that carry an idempotency key, and what clients call their transfers.
--
-- A record is written in the transaction of its effect: after a crash either both are there, or neither.

CREATE SCHEMA gateway;
COMMENT ON SCHEMA gateway IS 'What the API keeps beside the books.';

CREATE TABLE gateway.idempotency_record (
    client          text NOT NULL CHECK (client <> ''),
    route           text NOT NULL CHECK (route <> ''),
    idempotency_key text NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 255),
    fingerprint     bytea NOT NULL CHECK (length(fingerprint) = 32),
    request_id      text NOT NULL,
    status          smallint NOT NULL CHECK (status BETWEEN 200 AND 499),
    headers         jsonb NOT NULL,
    body            bytea NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (client, route, idempotency_key)
);
CREATE INDEX idempotency_record_by_age ON gateway.idempotency_record (created_at);
COMMENT ON TABLE gateway.idempotency_record IS
    'Answers given under an idempotency key, to be given again; never changed, swept when they are old.';
COMMENT ON COLUMN gateway.idempotency_record.client IS 'Whose key it is: client, and person where one acts through it.';
COMMENT ON COLUMN gateway.idempotency_record.route IS 'Method and path template.';
COMMENT ON COLUMN gateway.idempotency_record.fingerprint IS 'SHA-256 over path and body: the same key stands for one request.';
COMMENT ON COLUMN gateway.idempotency_record.request_id IS 'Of the request that had the effect.';
COMMENT ON COLUMN gateway.idempotency_record.headers IS 'Of the answer, those that belong to its content.';
COMMENT ON COLUMN gateway.idempotency_record.body IS 'Of the answer, byte for byte.';

CREATE TABLE gateway.transfer_reference (
    book_id     integer NOT NULL REFERENCES ledger.book,
    transfer_id uuid NOT NULL,
    reference   text NOT NULL CHECK (length(reference) BETWEEN 1 AND 140),
    PRIMARY KEY (book_id, transfer_id)
);
CREATE INDEX transfer_reference_by_reference ON gateway.transfer_reference (book_id, reference);
COMMENT ON TABLE gateway.transfer_reference IS 'What a client calls a transfer, where it said so; written in the transaction of the transfer, never changed.';
COMMENT ON COLUMN gateway.transfer_reference.book_id IS 'The book.';
COMMENT ON COLUMN gateway.transfer_reference.transfer_id IS 'The transfer; a hold counts as one.';
COMMENT ON COLUMN gateway.transfer_reference.reference IS 'The client''s words.';

CREATE FUNCTION gateway.sweep_idempotency_records(p_retention interval, p_limit integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_swept bigint;
BEGIN
    IF p_retention < interval '24 hours' THEN
        RAISE EXCEPTION 'answers are kept for 24 hours at least, not %', p_retention USING ERRCODE = 'invalid_parameter_value';
    END IF;
    DELETE FROM gateway.idempotency_record WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM gateway.idempotency_record WHERE created_at < clock_timestamp() - p_retention
        ORDER BY created_at LIMIT p_limit FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS v_swept = ROW_COUNT;
    RETURN v_swept;
END $$;
COMMENT ON FUNCTION gateway.sweep_idempotency_records IS 'Deletes a number of records older than the retention, of 24 hours at least.';

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA gateway FROM PUBLIC;
GRANT USAGE ON SCHEMA gateway TO wgi_app;
GRANT SELECT, INSERT ON gateway.idempotency_record, gateway.transfer_reference TO wgi_app;
GRANT EXECUTE ON FUNCTION gateway.sweep_idempotency_records TO wgi_app;
