"""The vendor's statement of an order: every file ever made of it, in one text with one signature, to be checked without the vendor.

Must not be broken: there is exactly one text for a statement, and the signature covers every byte before its own line. Its first line is
none that a license line's canonical form can begin with, so a signature of the one is never one of the other.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from shared.license_file.trusted_key import NO_LIMIT, Validity

FIRST_LINE: Final = "licensing order statement 1"
_INSTANT: Final = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
_ID: Final = r"\d{17}"
_HEAD: Final = re.compile(
    rf"{FIRST_LINE}\nas-of ({_INSTANT})\npak ([0-9A-Z]{{1,32}})\norder (\d{{1,18}})\nnodes (\d{{1,9}})\nunits (\d{{1,9}})\n", re.ASCII
)
_FILE: Final = re.compile(
    rf"file ({_ID}) share (\d{{1,18}}) nodes (\d{{1,9}}) units (\d{{1,9}}) mac ([0-9A-F]{{12}}) replaces (-|{_ID}) "
    rf"voids (-|{_ID}(?:,{_ID})*) returned (-|{_INSTANT}) sha256 ([0-9a-f]{{64}})\n",
    re.ASCII,
)
_TAIL: Final = re.compile(r"files (\d{1,18})\nkey ([0-9A-F]{16})\n", re.ASCII)
_SIGNATURE: Final = re.compile(r"signature ((?:[0-9A-F]{4} ){31}[0-9A-F]{4})\n", re.ASCII)


@dataclass(frozen=True, slots=True)
class StatedFile:
    """A file that the vendor made. ``mac``: of the server it is bound to. ``voids``: every file that grants nothing beside it.

    ``replaces``: the file that it was made from in a re-host. ``returned_at`` (UTC): when its share went back to the order.
    ``sha256``: of its bytes, in small hexadecimal digits.
    """

    license_file_id: str
    share: int
    nodes: int
    units: int
    mac: str
    replaces: str | None
    voids: tuple[str, ...]
    returned_at: datetime | None
    sha256: str


@dataclass(frozen=True, slots=True)
class Statement:
    """An order in nodes and units, and all files made of it until ``as_of`` (UTC, whole milliseconds), by their ids."""

    pak: str
    order_id: str
    nodes: int
    units: int
    as_of: datetime
    files: tuple[StatedFile, ...]


class StatementRefused(ValueError):
    """The text is no statement, or none that a trusted key signed; the message says why."""


def write_statement(statement: Statement, key_id: str, sign: Callable[[bytes], bytes]) -> bytes:
    """The signed text, ASCII. ``sign``: the Ed25519 signature of these bytes by the key of that id, which stays with its owner."""
    text = (
        f"{FIRST_LINE}\nas-of {_written(statement.as_of)}\npak {statement.pak}\norder {statement.order_id}\n"
        f"nodes {statement.nodes}\nunits {statement.units}\n"
        + "".join(map(_written_file, statement.files))
        + f"files {len(statement.files)}\nkey {key_id}\n"
    )
    digits = sign(text.encode("ascii")).hex().upper()
    return f"{text}signature {' '.join(digits[at : at + 4] for at in range(0, len(digits), 4))}\n".encode("ascii")


def read_statement(data: bytes, keys: Mapping[str, Ed25519PublicKey], days: Mapping[str, Validity] = NO_LIMIT) -> Statement:
    """A statement that one of these keys, by its id, signed on one of its ``days``.

    Raises StatementRefused, and nothing else whatever the bytes are.
    """
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        raise StatementRefused("it is no statement: it holds other characters than a statement's") from error
    head = _HEAD.match(text)
    if head is None:
        raise StatementRefused(f"it is no statement: it does not begin with {FIRST_LINE!r}, as-of, pak, order, nodes and units")
    at, found = head.end(), []
    while file := _FILE.match(text, at):
        found.append(file)
        at = file.end()
    tail = _TAIL.match(text, at)
    signature = _SIGNATURE.fullmatch(text, tail.end()) if tail else None
    if tail is None or signature is None or int(tail[1]) != len(found):
        raise StatementRefused(f"it is no whole statement: it cannot be read behind its {len(found)}. file")
    _check_signature(keys, tail[2], signature[1], data[: tail.end()])
    try:
        statement = Statement(head[2], head[3], int(head[4]), int(head[5]), _instant(head[1]), tuple(map(_file_of, found)))
    except ValueError as error:
        raise StatementRefused(f"it holds a day that is none: {error}") from error
    if not days.get(tail[2], Validity()).covers(statement.as_of.date()):
        raise StatementRefused(f"it is of {statement.as_of.date()}, a day on which key {tail[2]} made nothing")
    return statement


def _check_signature(keys: Mapping[str, Ed25519PublicKey], key_id: str, digits: str, signed: bytes) -> None:
    key = keys.get(key_id)
    if key is None:
        raise StatementRefused(f"it is signed by key {key_id}, which is none of those given")
    try:
        key.verify(bytes.fromhex(digits), signed)
    except InvalidSignature as error:
        raise StatementRefused("its signature does not fit it: somebody or something changed it") from error


def _written_file(file: StatedFile) -> str:
    returned = _written(file.returned_at) if file.returned_at else "-"
    return (
        f"file {file.license_file_id} share {file.share} nodes {file.nodes} units {file.units} mac {file.mac} "
        f"replaces {file.replaces or '-'} voids {','.join(file.voids) or '-'} returned {returned} sha256 {file.sha256}\n"
    )


def _file_of(found: re.Match[str]) -> StatedFile:
    file_id, share, nodes, units, mac, replaces, voids, returned, sha256 = found.groups()
    return StatedFile(
        license_file_id=file_id,
        share=int(share),
        nodes=int(nodes),
        units=int(units),
        mac=mac,
        replaces=None if replaces == "-" else replaces,
        voids=() if voids == "-" else tuple(voids.split(",")),
        returned_at=None if returned == "-" else _instant(returned),
        sha256=sha256,
    )


def _written(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def _instant(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
