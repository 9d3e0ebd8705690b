-- Identity: the clients that call, the people behind them, and what they were given.
--
-- Secrets, codes and refresh tokens are kept as hashes; private keys are encrypted (Keyring). What a client is
-- does not change: only its secret, and whether it is disabled.

-- Clients and tokens

CREATE TABLE gateway.oauth_client (
    client_id            text PRIMARY KEY CHECK (client_id ~ '^[!-~]{1,64}$'),
    name                 text NOT NULL CHECK (name = btrim(name) AND length(name) BETWEEN 1 AND 200),
    kind                 text NOT NULL CHECK (kind IN ('partner', 'service')),
    role                 text,
    scopes               text[] NOT NULL,
    participants         text[] NOT NULL,
    tenant               text NOT NULL CHECK (tenant ~ '^[a-z][a-z0-9-]{0,39}$'),
    grants               text[] NOT NULL CHECK (cardinality(grants) > 0
        AND grants <@ ARRAY['client_credentials', 'authorization_code', 'refresh_token']),
    redirect_uris        text[] NOT NULL,
    public_keys          jsonb CHECK (jsonb_typeof(public_keys) = 'object'),
    secret_hash          text CHECK (secret_hash LIKE '$argon2id$%'),
    previous_secret_hash text CHECK (previous_secret_hash LIKE '$argon2id$%'),
    previous_until       timestamptz,
    created_at           timestamptz NOT NULL,
    created_by           text NOT NULL CHECK (created_by <> ''),
    disabled_at          timestamptz,
    CONSTRAINT role_or_scopes CHECK ((role IS NULL) <> (cardinality(scopes) = 0)),
    CONSTRAINT previous_secret_ends CHECK ((previous_secret_hash IS NULL) = (previous_until IS NULL)),
    CONSTRAINT people_come_back CHECK ('authorization_code' <> ALL (grants) OR cardinality(redirect_uris) > 0),
    CONSTRAINT a_public_client_acts_for_people_alone
        CHECK (secret_hash IS NOT NULL OR public_keys IS NOT NULL OR 'client_credentials' <> ALL (grants)),
    CONSTRAINT a_partner_names_its_participants CHECK (kind <> 'partner' OR '*' <> ALL (participants))
);
COMMENT ON TABLE gateway.oauth_client IS 'Programs that may ask for tokens (RFC 6749, section 2).';
COMMENT ON COLUMN gateway.oauth_client.kind IS 'partner: a fintech''s or marketplace''s; service: one of ours.';
COMMENT ON COLUMN gateway.oauth_client.role IS 'Its scopes are those of the role; else those of scopes.';
COMMENT ON COLUMN gateway.oauth_client.participants IS 'Whose books it reaches; * for all, of services alone.';
COMMENT ON COLUMN gateway.oauth_client.tenant IS 'live, or the name of a sandbox.';
COMMENT ON COLUMN gateway.oauth_client.redirect_uris IS 'Where people come back to, compared character by character.';
COMMENT ON COLUMN gateway.oauth_client.public_keys IS 'JWK set of a client that signs its assertions (RFC 7523); public parts.';
COMMENT ON COLUMN gateway.oauth_client.secret_hash IS 'argon2id; NULL for clients with keys, and for public clients.';
COMMENT ON COLUMN gateway.oauth_client.previous_secret_hash IS 'The one before the last rotation, until previous_until.';

CREATE TABLE gateway.signing_key (
    kid           text PRIMARY KEY,
    public_jwk    jsonb NOT NULL CHECK (NOT public_jwk ? 'd'),
    sealed        bytea NOT NULL,
    created_at    timestamptz NOT NULL,
    signs_from    timestamptz NOT NULL,
    distrusted_at timestamptz
);
CREATE UNIQUE INDEX signing_key_in_order ON gateway.signing_key (signs_from);
COMMENT ON TABLE gateway.signing_key IS 'Keys that sign access tokens: each from its moment on until the next one''s.';
COMMENT ON COLUMN gateway.signing_key.kid IS 'RFC 7638 thumbprint.';
COMMENT ON COLUMN gateway.signing_key.sealed IS 'Private JWK, encrypted.';
COMMENT ON COLUMN gateway.signing_key.signs_from IS 'Later than created_at, so that verifiers know a key before it is used.';
COMMENT ON COLUMN gateway.signing_key.distrusted_at IS 'From then on nothing that it signed counts.';

CREATE TABLE gateway.authorization_code (
    code_hash      bytea PRIMARY KEY CHECK (length(code_hash) = 32),
    client_id      text NOT NULL REFERENCES gateway.oauth_client,
    subject        text NOT NULL,
    redirect_uri   text NOT NULL,
    code_challenge text NOT NULL CHECK (code_challenge ~ '^[A-Za-z0-9_-]{43}$'),
    scopes         text[] NOT NULL,
    session_id     uuid NOT NULL UNIQUE,
    issued_at      timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    used_at        timestamptz
);
CREATE INDEX authorization_code_by_end ON gateway.authorization_code (expires_at);
COMMENT ON TABLE gateway.authorization_code IS 'Codes that people''s browsers carry to a client (RFC 6749, section 4.1), each used once.';
COMMENT ON COLUMN gateway.authorization_code.code_hash IS 'SHA-256.';
COMMENT ON COLUMN gateway.authorization_code.subject IS 'The person.';
COMMENT ON COLUMN gateway.authorization_code.code_challenge IS 'RFC 7636, S256.';
COMMENT ON COLUMN gateway.authorization_code.session_id IS 'Of all tokens that follow from it.';

CREATE TABLE gateway.token_session (
    session_id     uuid PRIMARY KEY,
    client_id      text NOT NULL REFERENCES gateway.oauth_client,
    subject        text NOT NULL,
    scopes         text[] NOT NULL,
    started_at     timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    revoked_at     timestamptz,
    revoked_reason text,
    CHECK ((revoked_at IS NULL) = (revoked_reason IS NULL))
);
CREATE INDEX token_session_by_end ON gateway.token_session (expires_at);
CREATE INDEX token_session_by_subject ON gateway.token_session (subject);
COMMENT ON TABLE gateway.token_session IS 'Families of refresh tokens: what follows from one login through one client.';

CREATE TABLE gateway.refresh_token (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    session_id uuid NOT NULL REFERENCES gateway.token_session ON DELETE CASCADE,
    issued_at  timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX refresh_token_by_session ON gateway.refresh_token (session_id);
COMMENT ON TABLE gateway.refresh_token IS 'Each is used once for the next one; a second use ends the session (RFC 9700, section 4.14.2).';

CREATE TABLE gateway.revoked_token (
    revoked_id text PRIMARY KEY,
    revoked_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    reason     text NOT NULL
);
CREATE INDEX revoked_token_by_end ON gateway.revoked_token (expires_at);
COMMENT ON TABLE gateway.revoked_token IS 'Access tokens that count no more before they end; read by each process every second.';
COMMENT ON COLUMN gateway.revoked_token.revoked_id IS 'jti, session id, or subject: tokens of it issued until revoked_at.';
COMMENT ON COLUMN gateway.revoked_token.expires_at IS 'When the last of these tokens has ended by itself.';

CREATE TABLE gateway.client_assertion (
    client_id  text NOT NULL REFERENCES gateway.oauth_client,
    jti        text NOT NULL CHECK (length(jti) BETWEEN 1 AND 255),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (client_id, jti)
);
CREATE INDEX client_assertion_by_end ON gateway.client_assertion (expires_at);
COMMENT ON TABLE gateway.client_assertion IS 'Assertions of clients that were used (RFC 7523): each counts once.';

GRANT SELECT, INSERT ON gateway.oauth_client, gateway.signing_key TO wgi_app;
GRANT UPDATE (secret_hash, previous_secret_hash, previous_until, disabled_at) ON gateway.oauth_client TO wgi_app;
GRANT UPDATE (signs_from, distrusted_at) ON gateway.signing_key TO wgi_app;
GRANT SELECT, INSERT, DELETE ON gateway.authorization_code, gateway.token_session, gateway.refresh_token,
    gateway.revoked_token, gateway.client_assertion TO wgi_app;
GRANT UPDATE (used_at) ON gateway.authorization_code, gateway.refresh_token TO wgi_app;
GRANT UPDATE (revoked_at, revoked_reason) ON gateway.token_session TO wgi_app;
GRANT UPDATE (revoked_at, expires_at, reason) ON gateway.revoked_token TO wgi_app;
