-- What the sandbox has beside a ledger: tenants with clocks of their own, whose books can be emptied. Run after
-- the migrations of the sandbox's database, each time; the ledger's own database has none of it.

CREATE SCHEMA IF NOT EXISTS sandbox;
COMMENT ON SCHEMA sandbox IS 'Play money: tenants, their clocks, what is to come back.';

CREATE TABLE IF NOT EXISTS sandbox.tenant (
    tenant      text PRIMARY KEY CHECK (tenant ~ '^[a-z][a-z0-9-]{0,19}$' AND tenant <> 'live'),
    clock_ahead interval NOT NULL DEFAULT '0' CHECK (clock_ahead >= '0'),
    made_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    emptied_at  timestamptz
);
COMMENT ON COLUMN sandbox.tenant.clock_ahead IS 'How far its clock is before that of the server; it never goes back, but by emptying.';

CREATE TABLE IF NOT EXISTS sandbox.tenant_book (
    book_id integer PRIMARY KEY,
    tenant  text NOT NULL REFERENCES sandbox.tenant
);
CREATE INDEX IF NOT EXISTS tenant_book_by_tenant ON sandbox.tenant_book (tenant);

CREATE TABLE IF NOT EXISTS sandbox.late_return (
    tenant      text NOT NULL REFERENCES sandbox.tenant,
    book_id     integer NOT NULL,
    transfer_id uuid NOT NULL,
    due_at      timestamptz NOT NULL,
    done_at     timestamptz,
    PRIMARY KEY (book_id, transfer_id)
);
COMMENT ON TABLE sandbox.late_return IS 'Transfers that the receiving bank sends back when the clock of the tenant has come to due_at.';

CREATE OR REPLACE FUNCTION ledger.clock(p_book_id integer) RETURNS timestamptz LANGUAGE plpgsql AS $$
BEGIN
    RETURN clock_timestamp() + coalesce((
        SELECT t.clock_ahead FROM sandbox.tenant_book b JOIN sandbox.tenant t USING (tenant) WHERE b.book_id = p_book_id
    ), '0');
END $$;

CREATE OR REPLACE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('sandbox.emptying', true) = 'yes' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% on %.% is refused: the journal is immutable; book a correcting transfer',
        TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE OR REPLACE FUNCTION sandbox.empty_tenant(p_tenant text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_books        integer[];
    v_participants text[];
    v_left         text[];
    v_tried        text[];
    v_table        text;
    v_condition    text;
BEGIN
    PERFORM FROM sandbox.tenant WHERE tenant = p_tenant FOR UPDATE;
    v_books := ARRAY(SELECT book_id FROM sandbox.tenant_book WHERE tenant = p_tenant);
    PERFORM FROM ledger.book_state WHERE book_id = ANY (v_books) ORDER BY book_id FOR UPDATE;
    v_participants := ARRAY(SELECT participant_id FROM ledger.book WHERE book_id = ANY (v_books));
    PERFORM set_config('sandbox.emptying', 'yes', true);
    -- Whatever belongs to the books, in whichever order foreign keys allow.
    v_left := ARRAY(
        SELECT DISTINCT c.oid::regclass::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND NOT a.attisdropped
            AND a.attname IN ('book_id', 'tenant') AND c.oid <> 'sandbox.tenant'::regclass
            AND c.relnamespace::regnamespace::text IN ('ledger', 'payments', 'gateway', 'sandbox'));
    WHILE cardinality(v_left) > 0 LOOP
        v_tried := v_left;
        FOREACH v_table IN ARRAY v_tried LOOP
            v_condition := CASE WHEN EXISTS (
                SELECT FROM pg_attribute WHERE attrelid = v_table::regclass AND attname = 'tenant' AND NOT attisdropped)
                THEN 'tenant = $1' ELSE 'book_id = ANY ($2)' END;
            BEGIN
                EXECUTE format('DELETE FROM %s WHERE %s', v_table, v_condition) USING p_tenant, v_books;
                v_left := array_remove(v_left, v_table);
            EXCEPTION WHEN foreign_key_violation THEN
                CONTINUE;
            END;
        END LOOP;
        IF v_left = v_tried THEN
            RAISE EXCEPTION 'tenant % cannot be emptied: % refer to each other', p_tenant, v_left;
        END IF;
    END LOOP;
    DELETE FROM gateway.idempotency_record WHERE client LIKE p_tenant || '/%';
    DELETE FROM ledger.participant WHERE participant_id = ANY (v_participants);
    UPDATE sandbox.tenant SET clock_ahead = '0', emptied_at = clock_timestamp() WHERE tenant = p_tenant;
    PERFORM set_config('sandbox.emptying', '', true);
END $$;
COMMENT ON FUNCTION sandbox.empty_tenant IS 'Deletes everything that a tenant has; its clock is the server''s again.';

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA sandbox FROM PUBLIC;
GRANT USAGE ON SCHEMA sandbox TO wgi_sandbox;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA sandbox TO wgi_sandbox;
GRANT UPDATE (clock_ahead) ON sandbox.tenant TO wgi_sandbox;
GRANT UPDATE (done_at) ON sandbox.late_return TO wgi_sandbox;
GRANT EXECUTE ON FUNCTION sandbox.empty_tenant TO wgi_sandbox;
