-- Bounds of what opens an organisation or an account (API_KEYS_MAX, INVITATIONS_MAX, SESSIONS_MAX): what is counted against them, and what is listed,
-- is found by an index, however much of it is over by now.

-- The place in a list, in milliseconds since the epoch: a column, as row-level security keeps an expression out of the conditions of an index.
ALTER TABLE identity.api_keys ADD COLUMN created_ms int8 NOT NULL
    GENERATED ALWAYS AS ((extract(epoch FROM created_at AT TIME ZONE 'UTC') * 1000)::int8) STORED;
ALTER TABLE identity.invitations ADD COLUMN created_ms int8 NOT NULL
    GENERATED ALWAYS AS ((extract(epoch FROM created_at AT TIME ZONE 'UTC') * 1000)::int8) STORED;

CREATE INDEX api_keys_list ON identity.api_keys (organisation_id, created_ms, id);
CREATE INDEX invitations_list ON identity.invitations (organisation_id, created_ms, id);

-- Keys may expire as quickly as they are made, and nobody revokes those. Invitations take a week: of the open ones invitations_open has enough.
CREATE INDEX api_keys_active ON identity.api_keys (organisation_id, expires_at) WHERE revoked_at IS NULL;

-- All sessions last as long, so the one that expires first is the oldest.
DROP INDEX identity.sessions_user;
CREATE INDEX sessions_user ON identity.sessions (user_id, expires_at, id) WHERE revoked_at IS NULL;

ALTER TABLE identity.sessions
    DROP CONSTRAINT sessions_reason_check,
    ADD CONSTRAINT sessions_reason_check
        CHECK (reason IN ('logout', 'logout_all', 'password_changed', 'token_reused', 'too_many')); -- too_many: newer ones took its place

CREATE OR REPLACE VIEW api.invitations AS
SELECT organisation_id, created_ms AS position, id,
    json_build_object(
        'id', id, 'email', email, 'role', role,
        'status', CASE WHEN accepted_at IS NOT NULL THEN 'accepted' WHEN revoked_at IS NOT NULL THEN 'revoked'
            WHEN expires_at <= now() THEN 'expired' ELSE 'open' END,
        'invited_by', invited_by, 'created_at', api.rfc3339(created_at), 'expires_at', api.rfc3339(expires_at),
        'accepted_at', api.rfc3339(accepted_at)) AS json
FROM identity.invitations;

CREATE OR REPLACE VIEW api.api_keys AS
SELECT organisation_id, created_ms AS position, id,
    json_build_object(
        'id', id, 'name', name, 'role', role, 'prefix', prefix, 'created_by', created_by,
        'created_at', api.rfc3339(created_at), 'expires_at', api.rfc3339(expires_at),
        'last_used_at', api.rfc3339(last_used_at), 'revoked_at', api.rfc3339(revoked_at)) AS json
FROM identity.api_keys;
