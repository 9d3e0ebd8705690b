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

-- People

CREATE TABLE gateway.person (
    subject              text PRIMARY KEY CHECK (subject ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'),
    email_sealed         bytea NOT NULL,
    email_index          bytea NOT NULL UNIQUE CHECK (length(email_index) = 32),
    name_sealed          bytea NOT NULL,
    role                 text NOT NULL CHECK (role <> ''),
    participants         text[] NOT NULL CHECK (cardinality(participants) > 0),
    status               text NOT NULL DEFAULT 'invited' CHECK (status IN ('invited', 'active', 'disabled')),
    password_hash        text CHECK (password_hash LIKE '$argon2id$%'),
    totp_sealed          bytea,
    totp_last_step       bigint,
    failed_attempts      integer NOT NULL DEFAULT 0 CHECK (failed_attempts >= 0),
    locked_until         timestamptz,
    enrolment_hash       bytea UNIQUE CHECK (length(enrolment_hash) = 32),
    enrolment_expires_at timestamptz,
    created_at           timestamptz NOT NULL,
    created_by           text NOT NULL CHECK (created_by <> ''),
    disabled_at          timestamptz,
    CONSTRAINT active_people_have_a_password CHECK (status <> 'active' OR password_hash IS NOT NULL),
    CONSTRAINT disabled_people_have_nothing CHECK ((status = 'disabled') = (disabled_at IS NOT NULL)
        AND (status <> 'disabled' OR (password_hash IS NULL AND totp_sealed IS NULL AND enrolment_hash IS NULL))),
    CONSTRAINT an_enrolment_ends CHECK ((enrolment_hash IS NULL) = (enrolment_expires_at IS NULL)),
    CONSTRAINT a_step_has_its_secret CHECK (totp_last_step IS NULL OR totp_sealed IS NOT NULL)
);
COMMENT ON TABLE gateway.person IS 'People who may log in. Addresses and names are encrypted.';
COMMENT ON COLUMN gateway.person.subject IS 'Their id for good, a UUID; sub of tokens.';
COMMENT ON COLUMN gateway.person.email_index IS 'Blind index of the normalised address: people are found by it.';
COMMENT ON COLUMN gateway.person.role IS 'Of scopes.yaml.';
COMMENT ON COLUMN gateway.person.participants IS 'Whose books they reach; * for all.';
COMMENT ON COLUMN gateway.person.status IS 'invited: has yet to enrol; active; disabled: for good.';
COMMENT ON COLUMN gateway.person.password_hash IS 'argon2id.';
COMMENT ON COLUMN gateway.person.totp_sealed IS 'Secret of an authenticator app (RFC 6238), encrypted.';
COMMENT ON COLUMN gateway.person.totp_last_step IS 'The last step that was used: none counts twice. NULL until the app is confirmed.';
COMMENT ON COLUMN gateway.person.failed_attempts IS 'In a row, passwords and second factors together; zero after a whole login.';
COMMENT ON COLUMN gateway.person.enrolment_hash IS 'SHA-256 of the token that was handed to them; used once.';

CREATE TABLE gateway.webauthn_credential (
    credential_id bytea PRIMARY KEY CHECK (length(credential_id) BETWEEN 1 AND 1023),
    subject       text NOT NULL REFERENCES gateway.person,
    public_key    bytea NOT NULL,
    sign_count    bigint NOT NULL CHECK (sign_count >= 0),
    transports    text[] NOT NULL,
    name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    created_at    timestamptz NOT NULL,
    last_used_at  timestamptz
);
CREATE INDEX webauthn_credential_by_subject ON gateway.webauthn_credential (subject);
COMMENT ON TABLE gateway.webauthn_credential IS 'Passkeys and security keys (WebAuthn).';
COMMENT ON COLUMN gateway.webauthn_credential.public_key IS 'COSE key.';
COMMENT ON COLUMN gateway.webauthn_credential.sign_count IS 'As the authenticator said last; zero where it does not count.';

CREATE TABLE gateway.recovery_code (
    subject   text NOT NULL REFERENCES gateway.person,
    code_hash bytea NOT NULL CHECK (length(code_hash) = 32),
    used_at   timestamptz,
    PRIMARY KEY (subject, code_hash)
);
COMMENT ON TABLE gateway.recovery_code IS 'Instead of a second factor that is lost; each counts once.';
COMMENT ON COLUMN gateway.recovery_code.code_hash IS 'SHA-256 of 80 random bits with the subject.';

CREATE TABLE gateway.login_session (
    token_hash       bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    subject          text NOT NULL REFERENCES gateway.person,
    created_at       timestamptz NOT NULL,
    last_seen_at     timestamptz NOT NULL,
    expires_at       timestamptz NOT NULL,
    authenticated_at timestamptz,
    methods          text[] NOT NULL CHECK (methods <@ ARRAY['password', 'totp', 'passkey', 'recovery_code']),
    challenge        bytea,
    ended_at         timestamptz
);
CREATE INDEX login_session_by_subject ON gateway.login_session (subject);
CREATE INDEX login_session_by_end ON gateway.login_session (expires_at);
COMMENT ON TABLE gateway.login_session IS 'Browsers in which people log in, or have.';
COMMENT ON COLUMN gateway.login_session.token_hash IS 'SHA-256 of the cookie; new after each step of a login.';
COMMENT ON COLUMN gateway.login_session.authenticated_at IS 'From then on it counts; NULL while a factor is missing.';
COMMENT ON COLUMN gateway.login_session.challenge IS 'Of the WebAuthn ceremony that is under way; used once.';

GRANT SELECT, INSERT ON gateway.person TO wgi_app;
GRANT UPDATE (email_sealed, name_sealed, status, password_hash, totp_sealed, totp_last_step, failed_attempts,
    locked_until, enrolment_hash, enrolment_expires_at, disabled_at) ON gateway.person TO wgi_app;
GRANT SELECT, INSERT, DELETE ON gateway.webauthn_credential, gateway.recovery_code, gateway.login_session TO wgi_app;
GRANT UPDATE (sign_count, last_used_at) ON gateway.webauthn_credential TO wgi_app;
GRANT UPDATE (used_at) ON gateway.recovery_code TO wgi_app;
GRANT UPDATE (last_seen_at, challenge, ended_at) ON gateway.login_session TO wgi_app;
