-- The audit log: every privileged act, chained by SHA-256 in the order in which they were committed. And what
-- needs two people: proposals, their decisions, and the fees and rates that follow from them.

-- The audit log

CREATE TABLE gateway.audit_event (
    number        bigint PRIMARY KEY CHECK (number > 0),
    at            timestamptz NOT NULL,
    actor         text NOT NULL CHECK (actor <> ''),
    client        text NOT NULL,
    act           text NOT NULL CHECK (act ~ '^[a-z_]+\.[a-z_]+$'),
    subject       text NOT NULL,
    details       text NOT NULL CHECK (details IS JSON OBJECT),
    request_id    text NOT NULL,
    previous_hash bytea NOT NULL CHECK (length(previous_hash) = 32),
    hash          bytea NOT NULL UNIQUE CHECK (length(hash) = 32)
);
CREATE INDEX audit_event_by_act ON gateway.audit_event (act, number);
CREATE INDEX audit_event_by_actor ON gateway.audit_event (actor, number);
CREATE INDEX audit_event_by_subject ON gateway.audit_event (subject, number);
COMMENT ON TABLE gateway.audit_event IS 'Privileged acts; numbered without gaps, each with the hash of the one before.';
COMMENT ON COLUMN gateway.audit_event.actor IS 'The person, or the client that acts by itself; of the command line the user of the machine.';
COMMENT ON COLUMN gateway.audit_event.client IS 'The client through which a person acts; empty otherwise.';
COMMENT ON COLUMN gateway.audit_event.subject IS 'What it was done to.';
COMMENT ON COLUMN gateway.audit_event.details IS 'A JSON object, byte for byte as it is hashed; no secrets, no personal data.';
COMMENT ON COLUMN gateway.audit_event.hash IS 'SHA-256 of previous_hash and of the columns from number to request_id, each as a netstring of its text.';

CREATE TABLE gateway.audit_head (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    number bigint NOT NULL,
    hash   bytea NOT NULL
);
COMMENT ON TABLE gateway.audit_head IS 'The last event, in one row: its lock puts events in order.';

CREATE FUNCTION gateway.record_act(
    p_actor text, p_client text, p_act text, p_subject text, p_details text, p_request_id text
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_head gateway.audit_head;
    v_at   timestamptz;
    v_text text;
    v_hash bytea;
BEGIN
    INSERT INTO gateway.audit_head (number, hash) VALUES (0, decode(repeat('00', 32), 'hex')) ON CONFLICT DO NOTHING;
    SELECT * INTO STRICT v_head FROM gateway.audit_head FOR UPDATE;
    v_at := clock_timestamp();
    SELECT string_agg(octet_length(convert_to(field, 'UTF8')) || ':' || field || ',', '' ORDER BY n) INTO STRICT v_text
    FROM unnest(ARRAY[(v_head.number + 1)::text, to_char(v_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        p_actor, p_client, p_act, p_subject, p_details, p_request_id]) WITH ORDINALITY AS of_event (field, n);
    v_hash := sha256(v_head.hash || convert_to(v_text, 'UTF8'));
    INSERT INTO gateway.audit_event (number, at, actor, client, act, subject, details, request_id, previous_hash, hash)
    VALUES (v_head.number + 1, v_at, p_actor, p_client, p_act, p_subject, p_details, p_request_id, v_head.hash, v_hash);
    UPDATE gateway.audit_head SET number = v_head.number + 1, hash = v_hash;
    RETURN v_head.number + 1;
END $$;
COMMENT ON FUNCTION gateway.record_act IS 'The only way into the log: numbers, times and hashes are the database''s.';

CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON gateway.audit_event
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
REVOKE ALL ON FUNCTION gateway.record_act FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gateway.record_act TO wgi_app;
GRANT SELECT ON gateway.audit_event TO wgi_app;

-- Two people

CREATE TABLE payments.proposal (
    book_id     integer NOT NULL,
    proposal_id uuid NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('account_limits', 'manual_posting', 'fee', 'rate')),
    content     jsonb NOT NULL CHECK (jsonb_typeof(content) = 'object'),
    reason      text NOT NULL CHECK (reason = btrim(reason) AND reason <> ''),
    proposed_by text NOT NULL CHECK (proposed_by = btrim(proposed_by) AND proposed_by <> ''),
    proposed_at timestamptz NOT NULL,
    PRIMARY KEY (book_id, proposal_id),
    UNIQUE (book_id, proposal_id, proposed_by)
);
COMMENT ON TABLE payments.proposal IS 'What one person wants done and another one has to decide.';
COMMENT ON COLUMN payments.proposal.content IS 'What is to be done, by kind; amounts in minor units, rates as text.';

CREATE TABLE payments.proposal_decision (
    book_id     integer NOT NULL,
    proposal_id uuid NOT NULL,
    proposed_by text NOT NULL,
    outcome     text NOT NULL CHECK (outcome IN ('approved', 'refused', 'withdrawn')),
    decided_by  text NOT NULL CHECK (decided_by = btrim(decided_by) AND decided_by <> ''),
    decided_at  timestamptz NOT NULL,
    reason      text CHECK (reason <> ''),
    transfer_id uuid,
    PRIMARY KEY (book_id, proposal_id),
    FOREIGN KEY (book_id, proposal_id, proposed_by) REFERENCES payments.proposal (book_id, proposal_id, proposed_by),
    CONSTRAINT maker_is_not_checker CHECK ((lower(proposed_by) = lower(decided_by)) = (outcome = 'withdrawn')),
    CHECK (transfer_id IS NULL OR outcome = 'approved')
);
COMMENT ON TABLE payments.proposal_decision IS 'How proposals ended; an approval stands with its effect.';
COMMENT ON COLUMN payments.proposal_decision.outcome IS 'Approved or refused by another person, withdrawn by the proposer.';
COMMENT ON COLUMN payments.proposal_decision.transfer_id IS 'What an approved posting booked.';

CREATE TABLE payments.tariff (
    book_id     integer NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('fee', 'rate')),
    name        text NOT NULL CHECK (name <> ''),
    valid_from  date NOT NULL,
    proposal_id uuid NOT NULL,
    terms       jsonb NOT NULL,
    PRIMARY KEY (book_id, kind, name, valid_from),
    UNIQUE (book_id, proposal_id),
    FOREIGN KEY (book_id, proposal_id) REFERENCES payments.proposal_decision
);
COMMENT ON TABLE payments.tariff IS 'Fees and rates that two people have set, each from a date on until the next one''s.';
COMMENT ON COLUMN payments.tariff.name IS 'Of a fee its code and currency, of a rate its pair of currencies.';

DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['proposal', 'proposal_decision', 'tariff'] LOOP
        EXECUTE format('CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON payments.%I
            FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()', v_table);
        EXECUTE format('GRANT SELECT, INSERT ON payments.%I TO wgi_app', v_table);
        EXECUTE format('GRANT SELECT ON payments.%I TO wgi_close', v_table);
    END LOOP;
END $$;
