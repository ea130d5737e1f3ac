#!/usr/bin/env bash
# Restore one side from its back-up, onto an empty machine: roles and rights first, then all rows in one transaction, all or nothing.
#
#   make restore FILE=backups/customer-20260314T092653Z.dump             (SIDE=vendor for the vendor's, with its signing key)
#   make restore FILE=… REPLACE=yes      also where there are rows already: they are lost
#
# The services must be stopped, and the broker must be empty: what waits there is of another history. What had left the outbox in the
# days before the back-up is handed over again: of the events that the lost broker held every reader gets those it never had, and its
# inbox knows the others. See side.sh for the environment.
. "$(dirname "${BASH_SOURCE[0]}")/side.sh"

refuse() { echo "Not restored: $1" >&2; exit 1; }
sql() { in_database psql -XqAt -v ON_ERROR_STOP=1 -v schemas="$schemas" -d "$database" "$@"; }
checked() {
    [ -s "$1" ] || refuse "there is no $1"
    [ -s "$1.sha256" ] || refuse "there is no $1.sha256 to check it by"
    [ "$(digest_of "$1")" = "$(cut -d' ' -f1 "$1.sha256")" ] || refuse "$1 is damaged: its checksum differs"
}

file=${1:?"which file? restore.sh FILE"}
key=${file%.dump}.key.pem
checked "$file"
start_database
found=$(in_database pg_restore --list <"$file" | awk '$4 == "SCHEMA" {print $6}' | sort | xargs)
# shellcheck disable=SC2086 # words
wanted=$(printf '%s\n' $schemas | sort | xargs)
[ "$found" = "$wanted" ] || refuse "$file holds the schemas '$found', and the $side's side has '$wanted'"
if [ "$side" = vendor ]; then
    checked "$key"
    assert_sealed <"$key"
fi

in_database "$roles"
others=$(sql -c "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'")
[ "$others" = 0 ] || refuse "$others sessions use the database; stop the services first"
if [ "${REPLACE:-}" != yes ]; then
    rows=$(sql -f - <<'SQL'
SELECT coalesce(string_agg(format('SELECT FROM %I.%I', schemaname, tablename), ' UNION ALL '), 'SELECT WHERE false') AS everything
FROM pg_tables WHERE schemaname = ANY (string_to_array(:'schemas', ' ')) AND tablename <> 'schema_version' \gset
SELECT EXISTS (:everything);
SQL
    )
    [ "$rows" = f ] || refuse "the database is not empty. REPLACE=yes throws away what is there"
    # shellcheck disable=SC2016 # expanded at the desk
    [ "$side" = customer ] || at_the_desk '[ ! -e "$LICENSING_SIGNING_KEY_FILE" ]' || refuse "the desk has a signing key. REPLACE=yes throws it away"
fi

# Without the COMMIT at its end nothing of it counts, whatever ends it.
{
    cat <<'SQL'
BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL ROLE licensing_owner;
SELECT format('DROP SCHEMA IF EXISTS %I CASCADE', name) FROM unnest(string_to_array(:'schemas', ' ')) AS name \gexec
SQL
    in_database pg_restore --no-owner --no-privileges --file=- <"$file"
    cat <<'SQL'
SELECT format('INSERT INTO %1$I.outbox (event_id, envelope) SELECT event_id, envelope FROM %1$I.handed_over ORDER BY sequence', name),
       format('DELETE FROM %I.handed_over', name)
FROM unnest(string_to_array(:'schemas', ' ')) AS name WHERE to_regclass(name || '.handed_over') IS NOT NULL \gexec
COMMIT;
SQL
} | sql -f - >/dev/null
in_database "$roles"
sql -c "ANALYZE"

if [ "$side" = vendor ]; then
    # shellcheck disable=SC2016 # expanded at the desk
    at_the_desk 'umask 077; cat >"$LICENSING_SIGNING_KEY_FILE.restored" && mv "$LICENSING_SIGNING_KEY_FILE.restored" "$LICENSING_SIGNING_KEY_FILE"' <"$key"
fi
echo "Restored from $file. Next: make up (it brings the schemas to this release)."
