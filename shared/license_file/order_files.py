"""License files as parts of an order: only those of which every line is read without fault and signed by a trusted key.

Half of a license is not a license: a file with one bad line counts for nothing, and the reason is told. Never raises, whatever the
bytes are.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from shared.license_file.grammar import read
from shared.license_file.lines import LicenseLine
from shared.license_file.signature import Verification, canonical, verify
from shared.license_file.trusted_key import NO_LIMIT, Validity, made_at


@dataclass(frozen=True, slots=True)
class OrderFile:
    """A file that the vendor signed. ``units`` and ``order_counts`` by feature; ``replaces``: all that it voids, the direct one first.

    ``names`` and ``sha256s``: of all the files given that say exactly this. ``order``: the PAK, or the migration it was given for.
    ``meaning``: its lines' canonical forms.
    """

    license_file_id: str
    names: tuple[str, ...]
    sha256s: frozenset[str]
    order: str
    host_ids: tuple[str, ...]
    units: Mapping[str, int]
    order_counts: Mapping[str, int]
    replaces: tuple[str, ...]
    start: date | None
    expiry: date | None
    meaning: frozenset[bytes]

    @property
    def made_on(self) -> date:
        """The day (UTC) that the signed id says."""
        return date.fromisoformat(self.license_file_id[:8])


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A file given that counts for nothing, and why."""

    name: str
    reason: str


def read_order_files(
    given: Iterable[tuple[str, bytes]], keys: Mapping[str, Ed25519PublicKey], days: Mapping[str, Validity] = NO_LIMIT
) -> tuple[dict[str, OrderFile], tuple[RefusedFile, ...]]:
    """The files by their ids, and those refused. ``given``: names and bytes; the same file twice counts once.

    Two that say different things under one id are both refused. ``days``: on which a key made files, by its id.
    """
    found: dict[str, OrderFile] = {}
    refused: list[RefusedFile] = []
    torn: dict[str, OrderFile] = {}
    for name, data in given:
        lines = read(data).license_lines
        if reason := _why_not(data, lines, keys, days):
            refused.append(RefusedFile(name, reason))
            continue
        file = _file(name, data, lines)
        known = found.setdefault(file.license_file_id, file)
        if known.meaning != file.meaning:
            torn[file.license_file_id] = file
            refused.append(RefusedFile(name, f"{known.names[0]} says something else under the same id {file.license_file_id}"))
        elif known is not file:
            merged = replace(known, names=(*known.names, name), sha256s=known.sha256s | file.sha256s)
            found[file.license_file_id] = merged
    for file_id, other in torn.items():
        known = found.pop(file_id)
        refused += [RefusedFile(name, f"{other.names[0]} says something else under the same id {file_id}") for name in known.names]
    return found, tuple(refused)


def _why_not(data: bytes, lines: Sequence[LicenseLine], keys: Mapping[str, Ed25519PublicKey], days: Mapping[str, Validity]) -> str:
    """The first reason why a file proves nothing; "" where it does."""
    if faults := read(data).faults:
        return f"line {faults[0].line}, column {faults[0].column}: {faults[0].text}"
    if not lines:
        return "it holds no license line"
    for line in lines:
        if reason := _why_not_line(line, keys, days):
            return f"line {line.first_line}: {reason}"
    for what, values in (
        ("LicFileID", {line.license_file_id for line in lines}),
        ("PAK", {line.pak for line in lines}),
        ("MigrationId", {line.migration_id for line in lines}),
        ("Replaces", {line.replaces for line in lines}),
        ("HOSTID", {line.host_ids for line in lines}),
    ):
        if len(values) > 1:
            return f"its lines differ in their {what}: they were copied together"
    if len({line.license_line_id for line in lines}) < len(lines):
        return "it holds two lines of the same LicLineID"
    return ""


def _why_not_line(line: LicenseLine, keys: Mapping[str, Ed25519PublicKey], days: Mapping[str, Validity]) -> str:
    signed = verify(line, keys)
    if signed is Verification.UNKNOWN_SIGNER:
        return f"signed by a key that was not given (KeyId {ascii(line.key_id)[1:-1][:40] if line.key_id else 'none'})"
    if signed is Verification.INVALID:
        return "the signature does not fit the line: somebody or something changed it"
    file_id = line.license_file_id
    if file_id is None or line.license_line_id is None or line.units is None or not (line.pak or line.migration_id):
        return "no LicFileID, LicLineID, Count or PAK stands in it, so it is part of no order"
    made = made_at(file_id)
    if made is None:
        return f"LicFileID {file_id} is no instant"
    if not days.get(line.key_id or "", Validity()).covers(made.date()):
        return f"made on {made.date()}, a day on which key {line.key_id} made no files"
    return f"it replaces itself ({file_id})" if file_id in line.replaces else ""


def _file(name: str, data: bytes, lines: Sequence[LicenseLine]) -> OrderFile:
    first = lines[0]
    units: dict[str, int] = {}
    for line in lines:
        units[line.feature] = units.get(line.feature, 0) + (line.units or 0)
    return OrderFile(
        license_file_id=first.license_file_id or "",
        names=(name,),
        sha256s=frozenset({hashlib.sha256(data).hexdigest()}),
        order=f"PAK {first.pak}" if first.pak else f"migration {first.migration_id}",
        host_ids=first.host_ids,
        units=units,
        order_counts={line.feature: line.order_count for line in lines if line.order_count is not None},
        replaces=first.replaces,
        start=max((line.start for line in lines if line.start), default=None),
        expiry=min((line.expiry for line in lines if line.expiry), default=None),
        meaning=frozenset(canonical(line) for line in lines),
    )
