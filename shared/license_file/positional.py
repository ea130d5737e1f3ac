"""The words that have a place instead of a name: feature, vendor, version, expiry, count.

They are never quoted: the head of a word in quotes is empty or ends with `=`, and so none of these.
Each reader answers a harmless value when it reports a fault; the line is dropped then.
"""

from datetime import date

from shared.license_file import values
from shared.license_file.lines import is_plain
from shared.license_file.report import INVALID_COUNT, INVALID_DATE, Report
from shared.license_file.words import Word


def name(word: Word, report: Report) -> str:
    """A feature, vendor or package."""
    if not is_plain(word.head):
        report.add(word.at, f"{word.text[:40]!r} stands where a name must: a single word of at most 128 characters, unquoted")
    return word.head


def version(word: Word, report: Report) -> str:
    if not values.is_version(word.head):
        report.add(word.at, f"{word.text[:40]!r} stands where a version must, such as 5.0")
    return word.head


def expiry(word: Word, report: Report) -> date | None:
    """None never expires."""
    if values.is_never(word.head):
        return None
    until = values.day(word.head)
    if until is None:
        report.add(word.at, f"{word.text[:40]!r} is no expiry; write permanent or a day such as 31-dec-2027", INVALID_DATE)
    return until


def count(word: Word, report: Report) -> int | None:
    """None for `uncounted` and for 0, which say the same."""
    if word.head.lower() == "uncounted":
        return None
    number = values.whole_number(word.head)
    if number is None:
        text = f"{word.text[:40]!r} is no count; write uncounted or a number up to {values.MOST_UNITS}"
        report.add(word.at, text, INVALID_COUNT)
    return number or None
