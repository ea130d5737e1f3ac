"""The small values of a license file: whole numbers, days, ids, and the elements in VENDOR_STRING and NOTICE.

Every reader answers None for text that is not such a value and never raises, so that one bad value spoils one line, not a file.
Digits are bounded before they are converted: no input may cost more than its own length.
"""

import re
from datetime import date
from typing import Final

from shared.license_file.mac import InvalidMac, normalize_mac

MOST_UNITS: Final = 999_999_999
MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_BLANKS: Final = re.compile(r"[ \t]+")
_VERSION: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}){0,3}")
# Neither side of an element may hold an angle bracket, so a search never looks past the next one.
_ELEMENT: Final = re.compile(r"<([A-Za-z][A-Za-z0-9]*)>([^<>]*)</\1>")


def one_blank(text: str) -> str:
    """Every run of blanks and tabs as one blank: how many there are is never meaning."""
    return _BLANKS.sub(" ", text)


def listed(text: str) -> tuple[str, ...]:
    """The words of a value, once its runs of blanks are one blank."""
    return tuple(word for word in text.split(" ") if word)


def whole_number(text: str) -> int | None:
    """0 to `MOST_UNITS`, written in decimal digits."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None


def is_version(text: str) -> bool:
    """A version number such as 5.0: up to four groups of digits."""
    return _VERSION.fullmatch(text) is not None


def file_id(text: str) -> str | None:
    """A LicFileID: exactly 17 digits."""
    return text if len(text) == 17 and text.isascii() and text.isdigit() else None


def mac(text: str) -> str | None:
    """The address in its one spelling."""
    try:
        return normalize_mac(text)
    except InvalidMac:
        return None


def day(text: str) -> date | None:
    """A calendar day written d-mmm-yyyy or dd-mmm-yyyy, month in English, any case."""
    parts = _date_parts(text)
    if parts is None or len(parts[2]) != 4:
        return None
    try:
        return date(int(parts[2]), parts[1], int(parts[0]))
    except ValueError:
        return None


def is_never(text: str) -> bool:
    """`permanent`, or a date whose year is 0, 00 or 0000: the line does not expire."""
    if text.lower() == "permanent":
        return True
    parts = _date_parts(text)
    return parts is not None and parts[2] in ("0", "00", "0000") and int(parts[0]) <= 31


def written_day(value: date) -> str:
    """d-mmm-yyyy without a leading zero: a zero would differ from a blank by a single bit."""
    return f"{value.day}-{MONTHS[value.month - 1]}-{value.year:04d}"


def _date_parts(text: str) -> tuple[str, int, str] | None:
    parts = text.split("-") if len(text) <= 11 and text.isascii() else []
    if len(parts) != 3 or parts[1].lower() not in MONTHS or len(parts[0]) > 2:
        return None
    if not (parts[0].isdigit() and parts[2].isdigit()):
        return None
    return parts[0], MONTHS.index(parts[1].lower()) + 1, parts[2]


def element(name: str, value: object) -> str:
    """`<Name>value</Name>`. ValueError if the value could not be read back."""
    text = f"<{name}>{value}</{name}>"
    if elements(text) != {name: (str(value),)}:
        raise ValueError(f"{name}={value!r} cannot stand in a license file: angle brackets are not allowed")
    return text


def elements(text: str) -> dict[str, tuple[str, ...]]:
    """The innermost `<Name>value</Name>` elements of a text: values by name, in their order."""
    found: dict[str, list[str]] = {}
    for match in _ELEMENT.finditer(text):
        found.setdefault(match[1], []).append(match[2])
    return {name: tuple(values) for name, values in found.items()}
