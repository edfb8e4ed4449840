-- The roles and the database that billd needs.  Run by a superuser with psql 15 or later, before the
-- migrations; running it again sets the passwords again and changes nothing else.  The passwords come from
-- the environment, so that they are in no command line: BILLD_OWNER_PASSWORD, BILLD_API_PASSWORD and
-- BILLD_WORKER_PASSWORD; where one is not set, its ALTER ROLE is a syntax error and psql ends with 3.

\set ON_ERROR_STOP on
\getenv owner_password BILLD_OWNER_PASSWORD
\getenv api_password BILLD_API_PASSWORD
\getenv worker_password BILLD_WORKER_PASSWORD

-- The statements below hold passwords: the server must not log them, not even when one fails.
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
SET log_min_duration_statement = -1;

SELECT format('CREATE ROLE %I', wanted.name)
FROM (VALUES ('billd_owner'), ('billd_api'), ('billd_worker')) AS wanted (name)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.name)
\gexec

-- Row-level security is worth what these roles cannot do.
ALTER ROLE billd_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'owner_password';
ALTER ROLE billd_api LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'api_password';
ALTER ROLE billd_worker LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'worker_password';

-- Every statement is short: compiling one costs more than it ever saves.
ALTER ROLE billd_api SET jit = off;
ALTER ROLE billd_worker SET jit = off;

SELECT 'CREATE DATABASE billd OWNER billd_owner'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'billd')
\gexec

REVOKE ALL ON DATABASE billd FROM PUBLIC;
GRANT CONNECT ON DATABASE billd TO billd_api, billd_worker;
