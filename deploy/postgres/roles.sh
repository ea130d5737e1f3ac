#!/usr/bin/env bash
# Who may do what in the database of one side. One role owns the database and every schema and runs `migrate`; each service has a role
# that reads and writes the rows of its own schema, and nothing else. Run by the image at its first start (/docker-entrypoint-initdb.d),
# and by hand or by `make restore` at any time after: a second run sets passwords and rights anew, and changes no row.
#
#   LICENSING_SIDE              customer | vendor: which services there are
#   LICENSING_SECRETS_DIR       files `database_password_<role>` (default /run/secrets), licensing_owner among the roles
#   LICENSING_DATABASE          default licensing; made where it is missing
#   LICENSING_CONNECTION_LIMIT  connections of one service's role, all replicas together: 10 each (default 40)
#   PGHOST, PGPORT, PGUSER, …   where to connect, as a superuser (default: POSTGRES_USER by the local socket)
#
# Must not be broken: no password on a command line or in a log; each role's rights change in one transaction, running services notice nothing.
set -euo pipefail

case "${LICENSING_SIDE:-}" in
    customer) services="ledger licensefile calculator alarms gateway" ;;
    vendor) services="registration gateway" ;;
    *) echo "LICENSING_SIDE must be customer or vendor, and is '${LICENSING_SIDE:-}'" >&2; exit 1 ;;
esac
secrets=${LICENSING_SECRETS_DIR:-/run/secrets}
database=${LICENSING_DATABASE:-licensing}
limit=${LICENSING_CONNECTION_LIMIT:-40}
export PGUSER=${PGUSER:-${POSTGRES_USER:-postgres}}

for role in licensing_owner $services; do
    [ -s "$secrets/database_password_$role" ] || { echo "$secrets/database_password_$role is missing or empty" >&2; exit 1; }
done

# sql DATABASE ROLE: run what stands on standard input; :password is the role's.
sql() {
    { echo '\set password `cat "$PASSWORD_FILE"`'; echo "SET log_statement = none; SET log_min_error_statement = panic;"; cat; } |
        PASSWORD_FILE="$secrets/database_password_$2" PGOPTIONS="-c client_min_messages=warning" \
            psql -XqAt -v ON_ERROR_STOP=1 -v VERBOSITY=terse -v database="$database" -v role="$2" -v limit="$limit" -d "$1" -f -
}

sql postgres licensing_owner <<'SQL'
SELECT format('CREATE ROLE %I', :'role') WHERE to_regrole(:'role') IS NULL \gexec
ALTER ROLE :"role" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'password';
SELECT format('CREATE DATABASE %I', :'database') WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
ALTER DATABASE :"database" OWNER TO :"role";
REVOKE ALL ON DATABASE :"database", postgres, template1 FROM PUBLIC;
SQL

sql "$database" licensing_owner <<'SQL'
REVOKE ALL ON SCHEMA public FROM PUBLIC;
-- Whoever may connect may otherwise store large objects, which stand in no schema.
REVOKE EXECUTE ON FUNCTION lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea) FROM PUBLIC;
SQL

for service in $services; do
    sql "$database" "$service" <<'SQL'
BEGIN;
SELECT format('CREATE ROLE %I', :'role') WHERE to_regrole(:'role') IS NULL \gexec
ALTER ROLE :"role" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT :limit PASSWORD :'password';
GRANT CONNECT ON DATABASE :"database" TO :"role";

CREATE SCHEMA IF NOT EXISTS :"role" AUTHORIZATION licensing_owner;
ALTER SCHEMA :"role" OWNER TO licensing_owner;
GRANT USAGE ON SCHEMA :"role" TO :"role";

-- As the migrations would make it, only earlier: the service reads it and may not say what release its schema is at.
SET LOCAL ROLE licensing_owner;
CREATE TABLE IF NOT EXISTS :"role".schema_version (version_num varchar(32) NOT NULL, CONSTRAINT schema_version_pkc PRIMARY KEY (version_num));
REVOKE ALL ON ALL TABLES IN SCHEMA :"role" FROM :"role";
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA :"role" TO :"role";
GRANT USAGE ON ALL SEQUENCES IN SCHEMA :"role" TO :"role";
REVOKE INSERT, UPDATE, DELETE ON :"role".schema_version FROM :"role";
-- The ledger's journal and the desk's record are appended to and read; the same right was taken by the migrations that made them.
SELECT format('REVOKE UPDATE, DELETE ON %I.%I FROM %I', :'role', appended, :'role') FROM unnest('{journal_entry,desk_act}'::text[]) AS appended
    WHERE to_regclass(format('%I.%I', :'role', appended)) IS NOT NULL \gexec
-- What later migrations make is reachable at once.
ALTER DEFAULT PRIVILEGES IN SCHEMA :"role" GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"role";
ALTER DEFAULT PRIVILEGES IN SCHEMA :"role" GRANT USAGE ON SEQUENCES TO :"role";
COMMIT;
SQL
done
