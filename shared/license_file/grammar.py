"""Reads a license file: bytes in, lines and faults out. Never raises, whatever the bytes are; linear in their number.

A line with any fault yields no line at all: half of a license is not a license. Every defect is a fault with the code `syntax`
at its place, and a second one with the specific code where the interface has one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from shared.license_file.attributes import check_meaning, read_attributes
from shared.license_file.lines import Fault, LicenseLine, Line, PackageLine, UpgradeLine, UseServerLine
from shared.license_file.positional import count, expiry, name, version
from shared.license_file.report import INVALID_SERVER_LINE, INVALID_VENDOR_LINE, Report
from shared.license_file.servers import read_server, read_vendor
from shared.license_file.values import listed
from shared.license_file.words import JoinedLine, Unreadable, Word, decode, joined_lines, words

MOST_FAULTS: Final = 10_000

Reader = Callable[[Word, tuple[Word, ...], Report], Line | None]


@dataclass(frozen=True, slots=True)
class LicenseText:
    """What a file says: its readable lines and the faults of the others, both in the file's order."""

    lines: tuple[Line, ...]
    faults: tuple[Fault, ...]

    @property
    def license_lines(self) -> tuple[LicenseLine, ...]:
        """The INCREMENT and FEATURE lines."""
        return tuple(line for line in self.lines if isinstance(line, LicenseLine))


def read(data: bytes) -> LicenseText:
    """Read the bytes of a license file. Whether an empty result may be accepted is the caller's decision.

    Stops at `MOST_FAULTS` faults, and says so in the last one.
    """
    lines: list[Line] = []
    faults: list[Fault] = []
    for joined in joined_lines(decode(data)):
        if joined.is_comment:
            continue
        report = Report(joined)
        line = _read_line(joined, report)
        if report.faults:
            faults += report.faults
        elif line:
            lines.append(line)
        if len(faults) >= MOST_FAULTS:
            report.add(0, f"there are {MOST_FAULTS} faults up to here; the rest of the file was not read")
            faults.append(report.faults[-1])
            break
    return LicenseText(tuple(lines), tuple(faults))


def _read_line(joined: JoinedLine, report: Report) -> Line | None:
    try:
        found = words(joined)
    except Unreadable as unreadable:
        keyword = unreadable.before[0].text.upper() if unreadable.before else ""
        report.add(unreadable.at, unreadable.reason, _LINE_CODES.get(keyword))
        return None
    if not found:
        return None
    reader = _READERS.get(found[0].text.upper()) if found[0].text.isascii() and found[0].quoted is None else None
    if reader is None:
        report.add(found[0].at, f"no line begins with {found[0].text[:40]!r}; expected one of {', '.join(_READERS)}")
        return None
    return reader(found[0], found[1:], report)


def _license_line(keyword: Word, rest: tuple[Word, ...], report: Report) -> LicenseLine | None:
    if len(rest) < 5:
        report.add(keyword.at, f"five words must follow {keyword.text}: feature, vendor, version, expiry, count")
        return None
    feature, vendor, in_version = name(rest[0], report), name(rest[1], report), version(rest[2], report)
    until, units = expiry(rest[3], report), count(rest[4], report)
    attributes = read_attributes(rest[5:], report)
    check_meaning(units, attributes, report)
    if report.faults:
        return None
    return LicenseLine(
        "INCREMENT" if keyword.text.upper() == "INCREMENT" else "FEATURE",
        feature, vendor, in_version, until, units, _values(attributes), report.line_of(keyword.at),
    )  # fmt: skip


def _upgrade(keyword: Word, rest: tuple[Word, ...], report: Report) -> UpgradeLine | None:
    if len(rest) < 6:
        report.add(keyword.at, "six words must follow UPGRADE: feature, vendor, from version, to version, expiry, count")
        return None
    feature, vendor = name(rest[0], report), name(rest[1], report)
    from_version, to_version = version(rest[2], report), version(rest[3], report)
    until, units = expiry(rest[4], report), count(rest[5], report)
    attributes = _values(read_attributes(rest[6:], report))
    return UpgradeLine(feature, vendor, from_version, to_version, until, units, attributes, report.line_of(keyword.at))


def _package(keyword: Word, rest: tuple[Word, ...], report: Report) -> PackageLine | None:
    if len(rest) < 3:
        report.add(keyword.at, 'a PACKAGE line needs a name, a vendor and COMPONENTS="…"')
        return None
    package, vendor = name(rest[0], report), name(rest[1], report)
    has_version = rest[2].head[:1].isdigit()
    in_version = version(rest[2], report) if has_version else None
    attributes = _values(read_attributes(rest[3 if has_version else 2 :], report))
    components = listed(attributes.get("COMPONENTS", ""))
    if not components:
        report.add(keyword.at, 'COMPONENTS="…" is missing or empty')
    return PackageLine(package, vendor, in_version, components, attributes, report.line_of(keyword.at))


def _use_server(keyword: Word, rest: tuple[Word, ...], report: Report) -> UseServerLine:
    if rest:
        report.add(rest[0].at, "nothing may follow USE_SERVER")
    return UseServerLine(report.line_of(keyword.at))


def _values(attributes: Mapping[str, tuple[int, str]]) -> dict[str, str]:
    return {name: value for name, (_, value) in attributes.items()}


_READERS: Final[Mapping[str, Reader]] = {
    "INCREMENT": _license_line,
    "FEATURE": _license_line,
    "SERVER": read_server,
    "VENDOR": read_vendor,
    "DAEMON": read_vendor,
    "USE_SERVER": _use_server,
    "UPGRADE": _upgrade,
    "PACKAGE": _package,
}
_LINE_CODES: Final = {"SERVER": INVALID_SERVER_LINE, "VENDOR": INVALID_VENDOR_LINE, "DAEMON": INVALID_VENDOR_LINE}
