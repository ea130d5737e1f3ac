"""``licensing journal verify``: reads journals from the database itself, with no service running, and changes nothing.

Ends with 0 where all is well, with 1 at a fault, with 2 where nothing could be verified.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ValidationError
from pydantic_settings import SettingsError

from services.ledger.actions.verify_journal import Verdict, verify_journal
from services.ledger.domain.refusals import InvalidHead
from services.ledger.settings import LedgerSettings
from services.ledger.store import listings
from shared.kit.clock import SystemClock
from shared.kit.database import Database
from shared.kit.problems import NotFound
from shared.kit.settings import what_is_wrong
from shared.kit.store_faults import is_store_failure
from shared.license_file.grammar import read
from shared.license_file.lines import LicenseLine
from shared.license_file.signature import Verification, key_id_of, verify
from shared.license_file.trusted_key import key_in


class _CannotVerify(Exception):
    pass


def main(arguments: Sequence[str], settings: Callable[[], LedgerSettings] = LedgerSettings) -> None:
    """Verify, say what was found, and end the process where that is not all well."""
    parser = argparse.ArgumentParser(prog="licensing", description=__doc__)
    verbs = parser.add_subparsers(required=True).add_parser("journal").add_subparsers(required=True)
    verb = verbs.add_parser("verify", help="read whole journals, make every hash anew, compare what is kept")
    verb.add_argument("--cluster", help="this one; by default every one")
    verb.add_argument("--expected-head", help="NUMBER:HEX that was noted before; needs --cluster")
    verb.add_argument("--license-file", nargs="+", type=Path, default=[], help="the files whose lines must have signed what is granted")
    verb.add_argument("--public-key", nargs="+", type=Path, default=[], help="the vendor's keys, PEM or hexadecimal; with --license-file")
    given = parser.parse_args(arguments)
    if given.expected_head is not None and given.cluster is None:
        parser.error("--expected-head needs --cluster: a head is that of one journal")
    if bool(given.license_file) != bool(given.public_key):
        parser.error("--license-file and --public-key go together")
    try:
        signed = _signed(given.license_file, dict(map(_key, given.public_key))) if given.license_file else None
        sys.exit(0 if asyncio.run(_verify(settings(), given.cluster, given.expected_head, signed)) else 1)
    except (_CannotVerify, NotFound, InvalidHead) as error:
        reason = str(error)
    except (ValidationError, SettingsError) as error:
        reason = what_is_wrong(error)
    except Exception as error:
        if not is_store_failure(error):
            raise
        reason = f"the data store at LICENSING_DATABASE_URL does not answer: {error}"
    sys.stderr.write(f"Nothing was verified: {reason}\n")
    sys.exit(2)


async def _verify(settings: LedgerSettings, cluster: str | None, expected_head: str | None, signed: Sequence[LicenseLine] | None) -> bool:
    database = Database(settings, "ledger", SystemClock())
    whole = True
    try:
        async with database.transaction() as tx:
            names = [cluster] if cluster is not None else await listings.all_names(tx)
        for name in names:
            async with database.transaction() as tx:
                verdict = await verify_journal(tx, name, expected_head, signed)
            sys.stdout.write(_said(name, verdict))
            sys.stdout.flush()
            whole = whole and verdict.fault is None
    finally:
        await database.close()
    return whole


def _said(cluster: str, verdict: Verdict) -> str:
    if verdict.fault is not None:
        return f"{cluster}: FAULT at entry {verdict.fault.sequence}: {verdict.fault.reason}\n"
    return f"{cluster}: intact, {verdict.entries} entries, head {verdict.head}\n"


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _CannotVerify(f"{path}: {error.strerror}") from error


def _signed(paths: Sequence[Path], keys: Mapping[str, Ed25519PublicKey]) -> list[LicenseLine]:
    """The lines of these files that one of the keys signed."""
    lines = [line for path in paths for line in read(_bytes(path)).license_lines]
    return [line for line in lines if verify(line, keys) is Verification.VALID]


def _key(path: Path) -> tuple[str, Ed25519PublicKey]:
    try:
        key = key_in(_bytes(path))
    except ValueError as error:
        raise _CannotVerify(f"{path} is no public key: {error}") from error
    return key_id_of(key), key
