#!/usr/bin/env bash
# Back up one side while it works: every schema at one and the same moment, in one file that only its owner may read, with a checksum.
#
#   make backup                 → backups/customer-20260314T092653Z.dump     and .dump.sha256
#   make backup SIDE=vendor     → backups/vendor-….dump and vendor-….key.pem: the signing key, still encrypted; its passphrase is not in it
#
#   BACKUPS                     the folder (default backups); the rest: see side.sh
#
# Events that are on their way stand in it too: in `outbox`, or for some days in `handed_over`. Not in it: the secrets in secrets/, and on
# the customer's side the trusted keys. A customer's back-up holds nothing of the vendor's.
. "$(dirname "${BASH_SOURCE[0]}")/side.sh"

umask 077
folder=${BACKUPS:-backups}
mkdir -p "$folder"
name=$side-$(date -u +%Y%m%dT%H%M%SZ)
draft=$(mktemp -d "$folder/.unfinished-XXXXXX")
trap 'rm -rf "$draft"' EXIT

# A schema that is missing is an error: a back-up that lacks one restores to less.
# shellcheck disable=SC2046,SC2086 # one argument for each schema
in_database pg_dump --format=custom --no-owner --no-privileges --strict-names $(printf -- '--schema=%s ' $schemas) "$database" |
    cat >"$draft/$name.dump"
in_database pg_restore --list <"$draft/$name.dump" >/dev/null
if [ "$side" = vendor ]; then
    # shellcheck disable=SC2016 # expanded at the desk
    at_the_desk 'cat "$LICENSING_SIGNING_KEY_FILE"' >"$draft/$name.key.pem"
    assert_sealed <"$draft/$name.key.pem"
fi
for file in "$draft/$name".*; do
    echo "$(digest_of "$file")  $(basename "$file")" >"$file.sha256"
done
[ ! -e "$folder/$name.dump" ] || { echo "$folder/$name.dump is there already" >&2; exit 1; }
sync
mv "$draft/$name".* "$folder/"
echo "$folder/$name.dump"
