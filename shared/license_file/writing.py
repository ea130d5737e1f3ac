"""Writes lines in the field's shape. What is written here reads back as the same line, signature and all."""

from collections.abc import Iterable, Mapping
from datetime import date

from shared.license_file import values
from shared.license_file.lines import LicenseLine, Line, PackageLine, ServerLine, UpgradeLine, VendorLine
from shared.license_file.words import is_group

_JOIN = " \\\n"
_SIGN_GROUPS_A_LINE = 16
_GROUP = "AUTH="


def write_line(line: Line) -> str:
    """One line with its continuation lines, without a line break at its end."""
    match line:
        case LicenseLine():
            words = [line.keyword, line.feature, line.vendor, line.version, _until(line.expiry), _count(line.count)]
            return _with_attributes(words, line.attributes)
        case UpgradeLine():
            versions = [line.from_version, line.to_version]
            words = ["UPGRADE", line.feature, line.vendor, *versions, _until(line.expiry), _count(line.count)]
            return _with_attributes(words, line.attributes)
        case PackageLine():
            return _with_attributes(["PACKAGE", line.name, line.vendor, *filter(None, [line.version])], line.attributes)
        case ServerLine():
            return _server(line)
        case VendorLine():
            return _vendor(line)
    return "USE_SERVER"


def write_file(lines: Iterable[Line], comment: str = "") -> bytes:
    """A whole file in UTF-8: the comment, each of its lines behind a `#`, then the lines."""
    remarks = [f"# {text}".rstrip() for text in comment.splitlines()]
    return "".join(f"{text}\n" for text in [*remarks, *map(write_line, lines)]).encode()


def _until(expiry: date | None) -> str:
    return values.written_day(expiry) if expiry else "permanent"


def _count(count: int | None) -> str:
    return "uncounted" if count is None else str(count)


def _server(line: ServerLine) -> str:
    words = ["SERVER", _word(line.host), _word(line.host_id)]
    words += [str(line.port)] if line.port is not None else []
    words += ["PRIMARY_IS_MASTER"] if line.primary_is_master else []
    words += [f"HEARTBEAT_INTERVAL={line.heartbeat_seconds}"] if line.heartbeat_seconds is not None else []
    return " ".join(words)


def _vendor(line: VendorLine) -> str:
    words = ["VENDOR", _word(line.name)]
    words += [_word(line.path)] if line.path is not None else []
    words += [f"OPTIONS={_word(line.options)}"] if line.options is not None else []
    words += [f"PORT={line.port}"] if line.port is not None else []
    return " ".join(words)


def _with_attributes(words: list[str], attributes: Mapping[str, str]) -> str:
    rows = [words, [], [], []]
    for name, value in attributes.items():
        rows[{"VENDOR_STRING": 1, "NOTICE": 3, "SIGN": 3}.get(name, 2)].append(_attribute(name, value))
    rows[3].sort(key=lambda written: written.startswith("SIGN="))
    return _JOIN.join(" ".join(row) for row in rows if row)


def _attribute(name: str, value: str) -> str:
    if name == "NOTICE":
        return f'NOTICE="{value.replace("> <", f">{_JOIN}<")}"'
    if name == "SIGN":
        groups = value.split(" ")
        rows = [groups[at : at + _SIGN_GROUPS_A_LINE] for at in range(0, len(groups), _SIGN_GROUPS_A_LINE)]
        return f'SIGN="{_JOIN.join(" ".join(row) for row in rows)}"'
    if name == "AUTH" and is_group(value):
        return f"AUTH={value}"
    return f"{name}={_word(value)}" if value else name


def _word(value: str) -> str:
    """As it stands, or in quotes where it would be read as something else."""
    if value[: len(_GROUP)].upper() == _GROUP and is_group(value[len(_GROUP) :]):
        return value
    # Unquoted, a backslash at the end could join the next line, a brace open a group, and a # begin a comment.
    misread = value.endswith("\\") or value.startswith(("{", "#")) or value[: len(_GROUP)].upper() == _GROUP
    return f'"{value}"' if misread or set(" \t").intersection(value) else value
