"""The named part of a line: NAME, NAME=value, NAME="value" in any order, each at most once; and whether known values hold."""

from collections.abc import Callable, Mapping
from typing import Final

from shared.license_file import values
from shared.license_file.lines import elements_of, is_name
from shared.license_file.report import INVALID_COUNT, INVALID_DATE, Report
from shared.license_file.words import Word

_Reads = Callable[[str], object | None]

_ATTRIBUTES: Final[tuple[tuple[str, _Reads, str, str], ...]] = (
    ("OVERDRAFT", values.whole_number, "a number of units", INVALID_COUNT),
    ("START", values.day, "a day such as 1-jan-2027", INVALID_DATE),
    ("ISSUED", values.day, "a day such as 1-jan-2027", INVALID_DATE),
)
_MARKED_UP: Final = ("VENDOR_STRING", "NOTICE")
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


def check_meaning(count: int | None, attributes: Mapping[str, tuple[int, str]], report: Report) -> None:
    """Report the known attributes and elements whose values are not what they must be; ``count`` as it stands in its place."""
    for name, reads, expected, code in _ATTRIBUTES:
        if name in attributes and reads(attributes[name][1]) is None:
            report.add(attributes[name][0], f"{name}={attributes[name][1][:40]!r} is not {expected}", code)
    if marked_up := [attributes[name] for name in _MARKED_UP if name in attributes]:
        for at, text in marked_up:
            _check_markup(at, text, report)
        _check_elements(count, attributes, report)


def _check_markup(at: int, text: str, report: Report) -> None:
    found = values.elements(text)
    for name in _ELEMENTS:
        complete = len(found.get(name, ()))
        if text.count(f"<{name}>") != complete or text.count(f"</{name}>") != complete:
            report.add(at, f"<{name}> is not closed properly", _ELEMENTS[name][2])


def _check_elements(count: int | None, attributes: Mapping[str, tuple[int, str]], report: Report) -> None:
    found = elements_of({name: value for name, (_, value) in attributes.items()})
    for name, (reads, expected, code) in _ELEMENTS.items():
        given = found.get(name, ())
        if len(given) > 1 and name != "Replaces":
            report.add(_place(f"<{name}>", attributes), f"<{name}> is given {len(given)} times", code)
        if wrong := [text for text in given if reads(text) is None]:
            at = _place(f"<{name}>{wrong[0]}</", attributes)
            report.add(at, f"<{name}> holds {wrong[0][:40]!r}, which is not {expected}", code)
    inner = values.whole_number(found["Count"][0]) if "Count" in found else None
    if count is not None and inner is not None and inner != count:
        text = f"the line counts {count} but <Count> holds {inner}; the two must agree"
        report.add(_place("<Count>", attributes), text, INVALID_COUNT)


def _place(markup: str, attributes: Mapping[str, tuple[int, str]]) -> int:
    """Where the attribute begins that holds this; the later of two, for there it is too much."""
    return max(at for name, (at, text) in attributes.items() if name in _MARKED_UP and markup in text)
