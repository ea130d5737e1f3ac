"""The lines as values: what they hold without being told, what cannot be built and why, and whom a host id names."""

from datetime import date
from typing import Any

import pytest

from shared.license_file.lines import LicenseLine, Line, PackageLine, ServerLine, UpgradeLine, UseServerLine, VendorLine

BARE: dict[str, Any] = {
    "keyword": "INCREMENT", "feature": "f", "vendor": "v", "version": "5.0", "expiry": None, "count": None, "attributes": {},
}  # fmt: skip
TWICE: list[tuple[Line, Line]] = [
    (ServerLine("h", "ANY", None, False, None), ServerLine("h", "ANY", None, False, None, 9)),
    (VendorLine("c", None, None, None), VendorLine("c", None, None, None, 9)),
    (UseServerLine(), UseServerLine(9)),
    (UpgradeLine("f", "v", "1", "2", None, None, {"A": "1"}), UpgradeLine("f", "v", "1", "2", None, None, {"A": "1"}, 9)),
    (PackageLine("p", "v", None, ("a",), {"A": "1"}), PackageLine("p", "v", None, ("a",), {"A": "1"}, 9)),
    (LicenseLine(**BARE), LicenseLine(**BARE, first_line=9)),
]


@pytest.mark.parametrize(("one", "other"), TWICE, ids=lambda line: type(line).__name__)
def test_where_a_line_stands_is_no_part_of_what_it_says(one: Line, other: Line) -> None:
    assert one.first_line == 1
    assert other.first_line == 9
    assert one == other
    assert len({one, other}) == 1


REFUSED = {
    "attribute names must be words and differ in more than case: ['1']": {"attributes": {"1": "x"}},
    "attribute names must be words and differ in more than case: ['A', 'a']": {"attributes": {"a": "1", "A": "2"}},
    "these attributes hold quotes, control characters or an open group: ['A']": {"attributes": {"A": 'x"', "B": "y"}},
    "INCREMENT with version '5.' is no license line": {"version": "5."},
    "UPGRADE with version '5.0' is no license line": {"keyword": "UPGRADE"},
    "feature '#x' and vendor 'v' must be single words": {"feature": "#x"},
    "feature 'f' and vendor '' must be single words": {"vendor": ""},
    "count 0 must be 1 to 999999999, or None for uncounted": {"count": 0},
    "count 1000000000 must be 1 to 999999999, or None for uncounted": {"count": 1_000_000_000},
}


@pytest.mark.parametrize(("text", "changes"), REFUSED.items(), ids=REFUSED.keys())
def test_what_no_line_can_say_is_refused_by_name(text: str, changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the whole text is compared
        LicenseLine(**{**BARE, **changes})
    assert str(refused.value) == text


def test_the_largest_and_the_smallest_count_can_be_built() -> None:
    assert [LicenseLine(**{**BARE, "count": count}).units for count in (1, 999_999_999)] == [1, 999_999_999]


def test_a_line_without_attributes_says_nothing_more() -> None:
    line = LicenseLine(**BARE)
    assert (line.units, line.overdraft_units, line.host_ids, line.start, line.issued, line.supersede) == (None, 0, (), None, None, ())
    assert (line.original_mac, line.license_file_version, line.key_id, line.license_file_id, line.license_line_id) == (None,) * 5
    assert (line.pak, line.order_count, line.replaces, line.migration_id) == (None, None, (), None)
    assert line.elements == {}
    assert "elements" not in repr(line)


def test_the_elements_are_read_and_never_given() -> None:
    with pytest.raises(TypeError):
        LicenseLine(**BARE, elements={})  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("demo", "DEMO"), ("Any", "ANY"), ("ANYONE", "ANYONE"), ("id=a=B", "ID=a=B"), ("flexid=9-aB", "FLEXID=9-aB"), ("x", "x"),
        ("0015c5f3a1b2", "0015C5F3A1B2"), ("=x", "=x"),
    ],
)  # fmt: skip
def test_a_host_id_has_one_spelling(text: str, expected: str) -> None:
    assert LicenseLine(**{**BARE, "attributes": {"HOSTID": text}}).host_ids == (expected,)


def test_days_and_numbers_of_attributes() -> None:
    line = LicenseLine(**{**BARE, "attributes": {"START": "1-feb-2026", "ISSUED": "31-Jan-2026", "OVERDRAFT": "7", "SUPERSEDE": "a  b"}})
    assert (line.start, line.issued, line.overdraft_units, line.supersede) == (date(2026, 2, 1), date(2026, 1, 31), 7, ("a", "b"))
