"""The named part of a line: NAME, NAME=value, NAME="value" in any order, each at most once; and whether known values hold."""

from collections.abc import Callable, Mapping
from typing import Final

from shared.license_file import values
from shared.license_file.lines import LicenseLine, is_name
from shared.license_file.report import INVALID_COUNT, INVALID_DATE, Report
from shared.license_file.words import Word

_Reads = Callable[[str], object | None]

_ATTRIBUTES: Final[tuple[tuple[str, _Reads, str, str], ...]] = (
    ("OVERDRAFT", values.whole_number, "a number of units", INVALID_COUNT),
    ("START", values.day, "a day such as 1-jan-2027", INVALID_DATE),
    ("ISSUED", values.day, "a day such as 1-jan-2027", INVALID_DATE),
)
_ELEMENTS: Final[Mapping[str, tuple[_Reads, str, str | None]]] = {
    "Count": (values.whole_number, "a number of units", INVALID_COUNT),
    "OrderCount": (values.whole_number, "a number of units", INVALID_COUNT),
    "OrigMacId": (values.mac, "a MAC address", None),
    "LicFileID": (values.file_id, "17 digits", None),
    "LicLineID": (values.whole_number, "a number", None),
    "Replaces": (values.file_id, "17 digits", None),
    "LicFileVersion": (str, "text", None),
    "KeyId": (str, "text", None),
    "PAK": (str, "text", None),
    "MigrationId": (str, "text", None),
}


def read_attributes(found: tuple[Word, ...], report: Report) -> dict[str, tuple[int, str]]:
    """Upper-case name to (position, value with runs of blanks made one); "" for a bare name."""
    attributes: dict[str, tuple[int, str]] = {}
    for word in found:
        head, equals, value = word.head.partition("=")
        name = head.upper()
        if not is_name(head):
            report.add(word.at, f"{word.text[:40]!r} is no attribute; expected NAME or NAME=value")
        elif equals and not value and word.quoted is None:
            report.add(word.at, f"{name[:40]}= has no value; a value stands right after the = without a blank")
        elif name in attributes:
            report.add(word.at, f"{name[:40]} is given twice; an attribute may stand once in a line")
        else:
            attributes[name] = (word.at, values.one_blank(value + (word.quoted or "")))
        if report.full:
            break
    return attributes


def check_meaning(line: LicenseLine, attributes: Mapping[str, tuple[int, str]], report: Report) -> None:
    """Report the known attributes and elements whose values are not what they must be."""
    for name, reads, expected, code in _ATTRIBUTES:
        if name in attributes and reads(attributes[name][1]) is None:
            report.add(attributes[name][0], f"{name}={attributes[name][1][:40]!r} is not {expected}", code)
    for name in ("VENDOR_STRING", "NOTICE"):
        if name in attributes:
            _check_markup(*attributes[name], report)
    _check_elements(line, attributes, report)


def _check_markup(at: int, text: str, report: Report) -> None:
    found = values.elements(text)
    for name in _ELEMENTS:
        complete = len(found.get(name, ()))
        if text.count(f"<{name}>") != complete or text.count(f"</{name}>") != complete:
            report.add(at, f"<{name}> is not closed properly", _ELEMENTS[name][2])


def _check_elements(line: LicenseLine, attributes: Mapping[str, tuple[int, str]], report: Report) -> None:
    at = next((attributes[name][0] for name in ("VENDOR_STRING", "NOTICE") if name in attributes), 0)
    found = line.elements
    for name, (reads, expected, code) in _ELEMENTS.items():
        given = found.get(name, ())
        if len(given) > 1 and name != "Replaces":
            report.add(at, f"<{name}> is given {len(given)} times", code)
        if wrong := [text for text in given if reads(text) is None]:
            report.add(at, f"<{name}> holds {wrong[0][:40]!r}, which is not {expected}", code)
    inner = values.whole_number(found["Count"][0]) if "Count" in found else None
    if line.count is not None and inner is not None and inner != line.count:
        report.add(at, f"the line counts {line.count} but <Count> holds {inner}; the two must agree", INVALID_COUNT)
