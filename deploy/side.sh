# shellcheck shell=bash
# What back-up and restore have in common; read by both, run by neither.
#
#   SIDE                customer (default) | vendor
#   LICENSING_DIRECT    not empty: PostgreSQL's programs of this machine, where PGHOST, PGUSER, PGPASSWORD … say, and as restore needs it
#                       LICENSING_SECRETS_DIR, and for the vendor LICENSING_SIGNING_KEY_FILE; otherwise everything runs in the containers of this project
#   LICENSING_DATABASE  default licensing
set -euo pipefail

side=${SIDE:-customer}
database=${LICENSING_DATABASE:-licensing}
case "$side" in
    customer) schemas="ledger licensefile calculator alarms gateway" container=postgres ;;
    vendor) schemas="registration gateway" container=vendor-postgres ;;
    *) echo "SIDE is customer or vendor, and is '$side'" >&2; exit 1 ;;
esac
roles=/docker-entrypoint-initdb.d/roles.sh
if [ -n "${LICENSING_DIRECT:-}" ]; then
    roles=$(dirname "${BASH_SOURCE[0]}")/postgres/roles.sh
    [ "$side" = customer ] || : "${LICENSING_SIGNING_KEY_FILE:?where is the signing key?}"
fi

# One of PostgreSQL's programs, or roles.sh, as the database's superuser.
in_database() {
    if [ -n "${LICENSING_DIRECT:-}" ]; then LICENSING_SIDE=$side "$@"; return; fi
    # shellcheck disable=SC2016 # expanded in the container
    docker compose --profile "$side" exec -T --env "LICENSING_SIDE=$side" "$container" bash -c \
        'export PGUSER="${POSTGRES_USER:-postgres}" PGPASSWORD="$(cat /run/secrets/postgres_password)"; exec "$@"' - "$@"
}

# The database and nothing else, which is all that a restore may find at work.
start_database() {
    [ -n "${LICENSING_DIRECT:-}" ] || docker compose --profile "$side" up --detach --wait "$container"
}

# A command that finds the vendor's encrypted signing key in $LICENSING_SIGNING_KEY_FILE, where the desk has it. The desk need not run.
at_the_desk() {
    if [ -n "${LICENSING_DIRECT:-}" ]; then sh -c "$1"; return; fi
    docker compose --profile vendor run --rm --no-deps -T --entrypoint sh registration -c "$1"
}

# An encrypted private key, and nothing else, on standard input.
assert_sealed() {
    grep -q "BEGIN ENCRYPTED PRIVATE KEY" || { echo "the signing key is missing or not encrypted" >&2; return 1; }
}

digest_of() { # one line: the SHA-256 of a file
    if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d' ' -f1
}
