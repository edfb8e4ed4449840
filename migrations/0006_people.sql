-- People: users and their sessions, members of organisations, invitations, roles of API keys, signing keys, and the audit log.
-- No password, token or key stands here: only hashes, and names from which keys are derived.

-- Of whom this transaction may see what is theirs, whatever the organisation: set with set_config('billd.users', '{…}', true).
CREATE FUNCTION identity.presented_users() RETURNS uuid[]
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('billd.users', true), '')::uuid[];

-- By which an email address is known again: whatever its case, and however its letters are composed.
CREATE FUNCTION identity.email_key(email text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN lower(normalize(email, NFC) COLLATE "und-x-icu");

CREATE TABLE identity.users (
    id            uuid PRIMARY KEY,
    email         text NOT NULL,                                   -- as it was given
    email_key     text NOT NULL UNIQUE,                            -- identity.email_key of it
    name          text NOT NULL CHECK (name <> ''),
    password_hash text NOT NULL CHECK (password_hash LIKE '$argon2id$%'),
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
);

-- A log-in and what it was refreshed to: a family of refresh tokens, of which only the newest is good.
CREATE TABLE identity.sessions (
    id         uuid PRIMARY KEY,
    user_id    uuid NOT NULL REFERENCES identity.users,
    address    text,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    reason     text CHECK (reason IN ('logout', 'logout_all', 'password_changed', 'token_reused')),
    CHECK ((revoked_at IS NOT NULL) = (reason IS NOT NULL))
);

CREATE INDEX sessions_user ON identity.sessions (user_id) WHERE revoked_at IS NULL;

CREATE TABLE identity.refresh_tokens (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    session_id uuid NOT NULL REFERENCES identity.sessions ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    used_at    timestamptz
);

CREATE INDEX refresh_tokens_session ON identity.refresh_tokens (session_id);

CREATE TABLE identity.memberships (
    organisation_id uuid NOT NULL REFERENCES identity.organisations,
    user_id         uuid NOT NULL REFERENCES identity.users,
    role            text NOT NULL CHECK (role IN ('viewer', 'billing', 'admin', 'owner')),
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organisation_id, user_id)
);

CREATE INDEX memberships_user ON identity.memberships (user_id);

-- An organisation that has members has an owner among them. The organisation's row is locked, so that two owners who leave at the same
-- time do so one after the other.
CREATE FUNCTION identity.keep_an_owner() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.role = 'owner' AND (TG_OP = 'DELETE' OR NEW.role <> 'owner') THEN
        PERFORM FROM identity.organisations WHERE id = OLD.organisation_id FOR NO KEY UPDATE;
        IF NOT EXISTS (SELECT FROM identity.memberships
                WHERE organisation_id = OLD.organisation_id AND role = 'owner' AND user_id <> OLD.user_id) THEN
            RAISE EXCEPTION 'the last owner stays' USING ERRCODE = 'check_violation', CONSTRAINT = 'memberships_last_owner';
        END IF;
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;

CREATE TRIGGER keep_an_owner BEFORE UPDATE OR DELETE ON identity.memberships
    FOR EACH ROW EXECUTE FUNCTION identity.keep_an_owner();

CREATE TABLE identity.invitations (
    organisation_id uuid NOT NULL REFERENCES identity.organisations,
    id              uuid NOT NULL,
    email           text NOT NULL,
    email_key       text NOT NULL,
    role            text NOT NULL CHECK (role IN ('viewer', 'billing', 'admin', 'owner')),
    token_hash      bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    invited_by      text NOT NULL, -- user:<id> or api_key:<id>
    created_at      timestamptz NOT NULL DEFAULT now(),
    expires_at      timestamptz NOT NULL,
    accepted_at     timestamptz,
    revoked_at      timestamptz,
    PRIMARY KEY (organisation_id, id),
    CHECK (accepted_at IS NULL OR revoked_at IS NULL)
);

-- One open invitation for each address.
CREATE UNIQUE INDEX invitations_open ON identity.invitations (organisation_id, email_key)
    WHERE accepted_at IS NULL AND revoked_at IS NULL;

-- Keys of a test organisation say so in their prefix.
ALTER TABLE identity.organisations
    ADD COLUMN test bool NOT NULL DEFAULT false,
    ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();

-- Those that there are could do all that there was.
ALTER TABLE identity.api_keys
    ADD COLUMN role text NOT NULL DEFAULT 'admin' CHECK (role IN ('viewer', 'billing', 'admin', 'owner')),
    ADD COLUMN prefix text NOT NULL DEFAULT 'billd_live_',         -- its beginning, by which people know it again
    ADD COLUMN created_by text,                                    -- user:<id> or api_key:<id>; NULL: an operator
    ADD COLUMN expires_at timestamptz,
    ADD COLUMN last_used_at timestamptz;                           -- to the minute or so
ALTER TABLE identity.api_keys ALTER COLUMN role DROP DEFAULT, ALTER COLUMN prefix DROP DEFAULT;

-- The names of signing keys (common/base/signing.h). Of each purpose the newest signs; one that is retired verifies nothing any more.
CREATE TABLE identity.signing_keys (
    purpose    text NOT NULL CHECK (purpose IN ('token', 'command')),
    name       text NOT NULL CHECK (name ~ '^[A-Za-z0-9_-]{1,32}$'),
    created_at timestamptz NOT NULL DEFAULT now(),
    retires_at timestamptz,
    PRIMARY KEY (purpose, name)
);

INSERT INTO identity.signing_keys (purpose, name)
SELECT purpose, replace(gen_random_uuid()::text, '-', '') FROM unnest(ARRAY['token', 'command']) purpose;

-- Who did what, of identity; what commands did is in billd.operations. A log-in is told to each organisation that the user is a member of,
-- and stands once without one when there is none.
CREATE TABLE identity.audit_log (
    id              uuid PRIMARY KEY,
    organisation_id uuid REFERENCES identity.organisations,
    at              timestamptz NOT NULL DEFAULT date_trunc('milliseconds', now()) CHECK (date_trunc('milliseconds', at) = at),
    actor           text NOT NULL,  -- user:<id>:<session>, api_key:<id>, or operator
    address         text,           -- where it came from
    request_id      text,
    action          text NOT NULL,  -- api_key.create
    resource_type   text,
    resource_id     uuid,
    outcome         text NOT NULL,  -- succeeded, or the problem's slug
    details         jsonb
);

CREATE INDEX audit_log_list ON identity.audit_log (organisation_id, at, id);

ALTER TABLE identity.memberships ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON identity.memberships
    USING ((organisation_id = ANY ((SELECT billd.current_organisations())::uuid[])) IS TRUE);
CREATE POLICY mine ON identity.memberships FOR SELECT TO billd_api, billd_owner
    USING ((user_id = ANY ((SELECT identity.presented_users())::uuid[])) IS TRUE);

-- What a member may see of an organisation before acting in it.
CREATE POLICY mine ON identity.organisations FOR SELECT TO billd_api, billd_owner
    USING (EXISTS (SELECT FROM identity.memberships m
        WHERE m.organisation_id = organisations.id AND m.user_id = ANY ((SELECT identity.presented_users())::uuid[])));

ALTER TABLE identity.invitations ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON identity.invitations
    USING ((organisation_id = ANY ((SELECT billd.current_organisations())::uuid[])) IS TRUE);
-- Whoever holds an invitation may see it; to take it, he acts for its organisation.
CREATE POLICY presented ON identity.invitations FOR SELECT TO billd_api, billd_owner
    USING (token_hash = ANY (identity.presented_key_hashes()));

ALTER TABLE identity.audit_log ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON identity.audit_log FOR SELECT
    USING ((organisation_id = ANY ((SELECT billd.current_organisations())::uuid[])) IS TRUE);
CREATE POLICY told ON identity.audit_log FOR INSERT
    WITH CHECK (organisation_id IS NULL OR (organisation_id = ANY ((SELECT billd.current_organisations())::uuid[])) IS TRUE);

GRANT SELECT, INSERT, UPDATE (name, password_hash, updated_at) ON identity.users TO billd_api;
GRANT SELECT, INSERT, UPDATE (revoked_at, reason) ON identity.sessions TO billd_api;
GRANT SELECT, INSERT, UPDATE (used_at) ON identity.refresh_tokens TO billd_api;
GRANT INSERT, UPDATE (name, timezone, country, settings, updated_at) ON identity.organisations TO billd_api;
GRANT SELECT, INSERT, UPDATE (role), DELETE ON identity.memberships TO billd_api;
GRANT SELECT, INSERT, UPDATE (accepted_at, revoked_at) ON identity.invitations TO billd_api;
GRANT INSERT, UPDATE (revoked_at, last_used_at) ON identity.api_keys TO billd_api;
GRANT SELECT, INSERT ON identity.audit_log TO billd_api;
GRANT SELECT ON identity.signing_keys TO billd_api, billd_worker;

-- The worker looks again, in its transaction, whether who asked may do it.
GRANT SELECT (organisation_id, user_id, role) ON identity.memberships TO billd_worker;
GRANT SELECT (organisation_id, id, role, revoked_at, expires_at) ON identity.api_keys TO billd_worker;

-- Who asked, and from where: with the outcome, what the audit log shows of a command.
ALTER TABLE billd.operations
    ADD COLUMN actor text,
    ADD COLUMN address text,
    ADD COLUMN request_id text;

CREATE INDEX operations_list ON billd.operations (organisation_id, accepted_at, id);

-- Public JSON.

-- What who has that role there is shown of an organisation.
CREATE FUNCTION api.organisation(o identity.organisations, role text) RETURNS json
LANGUAGE sql STABLE PARALLEL SAFE
RETURN json_build_object(
    'id', o.id, 'name', o.name, 'currency', o.currency, 'timezone', o.timezone, 'country', o.country, 'test', o.test,
    'settings', o.settings, 'role', role, 'created_at', api.rfc3339(o.created_at), 'updated_at', api.rfc3339(o.updated_at));

CREATE VIEW api.members AS
SELECT m.organisation_id, (extract(epoch FROM m.created_at) * 1000)::int8 AS position, m.user_id AS id,
    json_build_object(
        'user_id', m.user_id, 'email', u.email, 'name', u.name, 'role', m.role,
        'created_at', api.rfc3339(m.created_at)) AS json
FROM identity.memberships m JOIN identity.users u ON u.id = m.user_id;

CREATE VIEW api.invitations AS
SELECT organisation_id, (extract(epoch FROM created_at) * 1000)::int8 AS position, id,
    json_build_object(
        'id', id, 'email', email, 'role', role,
        'status', CASE WHEN accepted_at IS NOT NULL THEN 'accepted' WHEN revoked_at IS NOT NULL THEN 'revoked'
            WHEN expires_at <= now() THEN 'expired' ELSE 'open' END,
        'invited_by', invited_by, 'created_at', api.rfc3339(created_at), 'expires_at', api.rfc3339(expires_at),
        'accepted_at', api.rfc3339(accepted_at)) AS json
FROM identity.invitations;

CREATE VIEW api.api_keys AS
SELECT organisation_id, (extract(epoch FROM created_at) * 1000)::int8 AS position, id,
    json_build_object(
        'id', id, 'name', name, 'role', role, 'prefix', prefix, 'created_by', created_by,
        'created_at', api.rfc3339(created_at), 'expires_at', api.rfc3339(expires_at),
        'last_used_at', api.rfc3339(last_used_at), 'revoked_at', api.rfc3339(revoked_at)) AS json
FROM identity.api_keys;

-- Paged by (at, id), which both halves have an index for; at is a whole number of milliseconds.
CREATE VIEW api.audit_log AS
SELECT organisation_id, at, id,
    json_build_object(
        'id', id, 'at', api.rfc3339(at), 'actor', actor, 'address', address, 'request_id', request_id, 'action', action,
        'resource', CASE WHEN resource_type IS NOT NULL THEN json_build_object('type', resource_type, 'id', resource_id) END,
        'outcome', outcome, 'details', details) AS json
FROM identity.audit_log
UNION ALL
SELECT organisation_id, accepted_at, id,
    json_build_object(
        'id', id, 'at', api.rfc3339(accepted_at), 'actor', actor, 'address', address, 'request_id', request_id, 'action', command,
        'resource', json_build_object('type', resource_type, 'id', resource_id),
        'outcome', coalesce(substring(problem ->> 'type' FROM '[^/]+$'), status), 'details', NULL::json)
FROM billd.operations;

GRANT SELECT ON api.members, api.invitations, api.api_keys, api.audit_log TO billd_api;
