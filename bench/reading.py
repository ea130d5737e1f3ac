"""Reading license files: a megabyte of every shape that could be slow, and whether twice the bytes take twice the time.

Each is read from bytes to lines and faults. What was read is counted: a reader that gives up early would look fast.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.figures import Figure, Lost, Section, at_most
from bench.percentiles import spread_of
from bench.sections import Say, told
from shared.license_file.composing import license_line
from shared.license_file.grammar import read
from shared.license_file.signature import sign
from shared.license_file.writing import write_line

MEGABYTE = 1 << 20
GOOD = b"INCREMENT f v 5.0 permanent 1 "
MOST_SECONDS = 1.0  # of processor time
MOST_GROWTH = 5.0  # of four times the bytes; a quadratic reader takes sixteen times as long


@dataclass(frozen=True)
class Scale:
    """How often each is read."""

    rounds: int


FULL = Scale(rounds=5)
QUICK = Scale(rounds=2)


def _repeated(piece: bytes, before: bytes = b"") -> Callable[[int], bytes]:
    return lambda size: before + piece * ((size - len(before)) // len(piece))


def _real(size: int) -> bytes:
    line = license_line(
        feature="PHONE_UNIT", version="5.0", units=1000, mac="0015C5F3A1B2", license_file_id="20260314092653589", license_line_id=1
    )
    return _repeated(write_line(sign(line, Ed25519PrivateKey.from_private_bytes(bytes(range(32))))).encode() + b"\n")(size)


SHAPES: dict[str, Callable[[int], bytes]] = {
    "real lines": _real,
    "shortest license lines": _repeated(b"INCREMENT f v 1 1-jan-0 1\n"),
    "shortest lines": _repeated(b"USE_SERVER\n"),
    "comments": _repeated(b"#\n"),
    "one line of joined words": _repeated(b"\\\na ", GOOD),
    "one long value": _repeated(b"x", GOOD + b"SN="),
    "one long word": _repeated(b"x"),
    "backslashes": _repeated(b"\\"),
    "backslashes with line breaks": _repeated(b"\\\n"),
    "quotes": _repeated(b'"'),
    "empty quotes": _repeated(b'"" ', GOOD),
    "a quote in every line": _repeated(b'INCREMENT "\n'),
    "blanks": _repeated(b" "),
    "blanks in a value": _repeated(b" ", GOOD + b'SN="'),
    "line breaks": _repeated(b"\n"),
    "number signs": _repeated(b"#"),
    "number signs as words": _repeated(b"# \\\n", GOOD),
    "opening braces": _repeated(b"{", GOOD + b"AUTH="),
    "groups that stay open": _repeated(b'AUTH={" ', GOOD),
    "attributes without a value": _repeated(b"x= ", GOOD),
    "attributes": _repeated(b"x=1 ", GOOD),
    "opening tags": _repeated(b"<a>", GOOD + b"NOTICE="),
    "angle brackets": _repeated(b"<", GOOD + b"NOTICE="),
    "counts": _repeated(b"<Count>1</Count>", GOOD + b"VENDOR_STRING="),
    "equals signs": _repeated(b"=", GOOD),
    "8-bit Latin": _repeated(b"# M\xfcnchen\n"),
    "nul": _repeated(b"\0"),
}  # fmt: skip


async def report(scale: Scale, say: Say) -> list[Section]:
    """One section: a row a shape."""

    async def measure() -> Section:
        section = Section("Reading a megabyte of a license file")
        for name, made in SHAPES.items():
            section.figures.append(await asyncio.to_thread(_measure, name, made, scale.rounds))
        return section

    return [await told("Reading a megabyte of a license file", measure, say)]


def _measure(name: str, made: Callable[[int], bytes], rounds: int) -> Figure:
    sizes = (MEGABYTE // 4, MEGABYTE // 2, MEGABYTE)
    took: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(rounds):
        for size in sizes:
            data = made(size)
            began = time.process_time()
            found = read(data)
            took[size].append(time.process_time() - began)
            if name == "real lines" and (len(found.lines) != data.count(b"\nINCREMENT ") + 1 or found.faults):
                raise Lost(f"of {data.count(b'INCREMENT ')} lines {len(found.lines)} were read")
    quarter, half, whole = (min(took[size]) for size in sizes)
    growth = round(whole / max(quarter, 1e-3), 2)  # below a millisecond the clock decides
    grew = f"256 KiB {quarter:.3f} s, 512 KiB {half:.3f} s, 1 MiB {whole:.3f} s: {growth:g} times as long for four times the bytes"
    return Figure(
        what=name,
        value=round(whole, 3),
        unit="s",
        checked=f"{name}: {grew}",
        spread=spread_of(took[MEGABYTE]),
        ratio=growth,
        targets=[at_most(whole, MOST_SECONDS, "s"), at_most(growth, MOST_GROWTH, "times")],
    )
