"""Writes license lines in the field's shape. What is written here reads back as the same line, signature and all."""

from collections.abc import Iterable

from shared.license_file import values
from shared.license_file.lines import LicenseLine
from shared.license_file.words import is_group

_JOIN = " \\\n"
_SIGN_GROUPS_A_LINE = 16


def write_line(line: LicenseLine) -> str:
    """One line with its continuation lines, without a line break at its end."""
    until = values.written_day(line.expiry) if line.expiry else "permanent"
    count = "uncounted" if line.count is None else str(line.count)
    rows = [[line.keyword, line.feature, line.vendor, line.version, until, count], [], [], []]
    for name, value in line.attributes.items():
        rows[{"VENDOR_STRING": 1, "NOTICE": 3, "SIGN": 3}.get(name, 2)].append(_attribute(name, value))
    rows[3].sort(key=lambda written: written.startswith("SIGN="))
    return _JOIN.join(" ".join(row) for row in rows if row)


def write_file(lines: Iterable[LicenseLine], comment: str = "") -> bytes:
    """A whole file in UTF-8: the comment, each of its lines behind a `#`, then the license lines."""
    remarks = [f"# {text}".rstrip() for text in comment.splitlines()]
    return "".join(f"{text}\n" for text in [*remarks, *map(write_line, lines)]).encode()


def _attribute(name: str, value: str) -> str:
    if name == "NOTICE":
        return f'NOTICE="{value.replace("> <", f">{_JOIN}<")}"'
    if name == "SIGN":
        groups = value.split(" ")
        rows = [groups[at : at + _SIGN_GROUPS_A_LINE] for at in range(0, len(groups), _SIGN_GROUPS_A_LINE)]
        return f'SIGN="{_JOIN.join(" ".join(row) for row in rows)}"'
    if name == "AUTH" and is_group(value):
        return f"AUTH={value}"
    if not value:
        return name
    # Unquoted, a backslash at the end could join the next line, and a brace could open a group.
    needs_quotes = " " in value or value.endswith("\\") or value.startswith("{")
    return f'{name}="{value}"' if needs_quotes else f"{name}={value}"
