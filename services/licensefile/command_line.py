"""``licensing verify``: proves an order from license files alone, without a service, a database, a setting or the vendor.

Ends with 0 where all is proven, with 1 at a fault or where a statement names a file that was not given, with 2 where nothing could be
verified.
"""

import argparse
import io
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from shared.kit.clock import SystemClock
from shared.license_file.order_tree import OrderProof, Proof, TreeFile, prove
from shared.license_file.signature import key_id_of
from shared.license_file.statement import Statement, StatementRefused, read_statement
from shared.license_file.trusted_key import LARGEST_KEY_FILE_BYTES, KeyFile, Validity, key_file_in

MOST_BYTES = 64 * 1024 * 1024
MOST_MISSING_SHOWN = 20


class _Unreadable(Exception):
    pass


def main(arguments: Sequence[str]) -> None:
    """Verify, say what was found, and end the process."""
    given = _parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a file's name may be none in the terminal's encoding
    try:
        trusted = _keys(given.key)
    except _Unreadable as error:
        sys.stderr.write(f"Nothing was verified: {error}\n")
        sys.exit(2)
    refused: list[tuple[str, str]] = []
    files = list(_files(given.file, refused))
    keys, days = {key_id: one.key for key_id, one in trusted.items()}, {key_id: one.validity for key_id, one in trusted.items()}
    statements = list(_statements(given.statement, keys, days, refused))
    proof = prove(files, keys, given.on, statements, days)
    refused += [(one.name, one.reason) for one in proof.refused]
    for line in (*_said(proof, given.on), *(f"{name}: REFUSED, counts for nothing: {reason}" for name, reason in refused)):
        sys.stdout.write(_printable(line) + "\n")
    if not any(order.files for order in proof.orders):
        sys.stderr.write("Nothing was verified: none of the files is a license file that one of the keys signed.\n")
        sys.exit(2)
    sys.exit(0 if proof.proven and not refused else 1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="licensing verify", description=__doc__)
    parser.add_argument("file", nargs="+", type=Path, help="license files (.lic)")
    parser.add_argument(
        "--key", action="append", required=True, type=Path, help="the vendor's public key, PEM or hexadecimal; may be repeated"
    )
    parser.add_argument("--statement", action="append", default=[], type=Path, help="the vendor's statement of a PAK; may be repeated")
    parser.add_argument("--on", type=_day, default=SystemClock().now().date(), help="YYYY-MM-DD: valid on this day (UTC); today by default")
    return parser


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day such as 2026-03-14") from None


def _bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise _Unreadable(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise _Unreadable(f"{path!r}: {error}") from error
    if len(content) > most:
        raise _Unreadable(f"{path}: larger than {most} bytes")
    return content


def _keys(paths: Sequence[Path]) -> dict[str, KeyFile]:
    """The keys by their ids. One may be given twice, but not with other days each time: which would count?"""
    found: dict[str, tuple[Path, KeyFile]] = {}
    for path in paths:
        key_id, one = _key(path)
        first, known = found.setdefault(key_id, (path, one))
        if known.validity != one.validity:
            raise _Unreadable(f"{path} holds the key of {first} with other days of validity; leave one of them out")
    return {key_id: one for key_id, (_, one) in found.items()}


def _key(path: Path) -> tuple[str, KeyFile]:
    """A key with the days on which it signed; a revoked one proves nothing."""
    if path.suffix == ".revoked":
        raise _Unreadable(f"{path} is the file of a revoked key, which proves nothing; leave it out")
    try:
        found = key_file_in(_bytes(path, LARGEST_KEY_FILE_BYTES), revoked=False)
    except ValueError as error:
        raise _Unreadable(f"{path} is no public key: {error}") from error
    return key_id_of(found.key), found


def _files(paths: Sequence[Path], refused: list[tuple[str, str]]) -> Iterator[tuple[str, bytes]]:
    for path in paths:
        try:
            yield str(path), _bytes(path)
        except _Unreadable as error:
            refused.append((str(path), str(error)))


def _statements(
    paths: Sequence[Path], keys: dict[str, Ed25519PublicKey], days: dict[str, Validity], refused: list[tuple[str, str]]
) -> Iterator[Statement]:
    for path in paths:
        try:
            yield read_statement(_bytes(path), keys, days)
        except (_Unreadable, StatementRefused) as error:
            refused.append((str(path), str(error)))


def _said(proof: Proof, on: date) -> Iterator[str]:
    for order in proof.orders:
        yield order.order
        for one in order.files:
            yield f"{'  ' * (one.depth + 1)}{_said_of_file(one, on)}"
        for total in order.totals:
            sums = f"{total.valid} of the {total.ordered} ordered are valid on {on}; {total.good} stand in files that nothing voids"
            yield f"  {total.feature}: {sums}"
        yield from (f"  FAULT: {fault}" for fault in order.faults)
        yield f"  {_said_of_completeness(order)}"


def _said_of_file(one: TreeFile, on: date) -> str:
    held = ", ".join(f"{units} {feature}" for feature, units in sorted(one.file.units.items()))
    standing = f"valid on {on}" if one.valid else f"not valid on {on}: {one.why_not}"
    later = f"; replaced by {one.void_by} later" if one.valid and one.void_by.isdigit() else ""
    return f"{one.file.license_file_id} for {' '.join(one.file.host_ids)}: {held}; signature good; {standing}{later}"


def _said_of_completeness(order: OrderProof) -> str:
    if order.statement is None:
        return "whether there are more files of this order is not proven: give the vendor's --statement"
    as_of = f"{order.statement.as_of:%Y-%m-%d %H:%M:%S} UTC"
    if order.missing:
        shown = ", ".join(one.license_file_id for one in order.missing[:MOST_MISSING_SHOWN])
        more = f" and {len(order.missing) - MOST_MISSING_SHOWN} more" if len(order.missing) > MOST_MISSING_SHOWN else ""
        return f"NOT COMPLETE: of the {len(order.statement.files)} files made until {as_of}, missing are {shown}{more}"
    if order.faults:
        return f"every file made until {as_of} is given; see the faults"
    return f"complete: all {len(order.statement.files)} files that the vendor made of it until {as_of}"


def _printable(text: str) -> str:
    """What a file calls itself must not command the terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
