"""The small values at their edges, where a reader is most easily one off."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from shared.license_file import values
from shared.license_file.features import FEATURES, SOFTWARE_MAJOR, major_of
from shared.license_file.lines import is_name, is_plain
from shared.license_file.words import Unreadable, Word, decode, group_end, is_group, joined_lines, words

EDGES: dict[str, tuple[Callable[[str], Any], dict[str, Any]]] = {
    "whole_number": (
        values.whole_number,
        {"0": 0, "00": 0, "999999999": 999_999_999, "000000001": 1, "1000000000": None, "": None, "-1": None, "1.0": None, "²": None,
         "٣": None},
    ),
    "is_version": (
        values.is_version,
        {"5": True, "5.0": True, "1.2.3.4": True, "999999999.0": True, "1.2.3.4.5": False, "1000000000": False, "1.1000000000": False,
         "": False, ".": False, "5.": False, ".5": False, "5..0": False, "5.0\n": False, "x5": False, "5x": False, "5,0": False},
    ),
    "file_id": (
        values.file_id,
        {"20260314092653589": "20260314092653589", "2026031409265358": None, "202603140926535890": None, "2026031409265358x": None,
         "2026031409265358²": None, "": None},
    ),
    "mac": (values.mac, {"0015c5f3a1b2": "0015C5F3A1B2", "x": None, "": None}),
    "day": (
        values.day,
        {"1-jan-2027": date(2027, 1, 1), "01-JaN-2027": date(2027, 1, 1), "31-dec-9999": date(9999, 12, 31), "1-jan-0001": date(1, 1, 1),
         "29-feb-2028": date(2028, 2, 29), "29-feb-2027": None, "0-jan-2027": None, "32-jan-2027": None, "1-jan-0000": None,
         "1-jan-027": None,
         "1-jan-20270": None, "001-jan-2027": None, "1-ja-2027": None, "1-january-2027": None, "-jan-2027": None, "1--2027": None,
         "1-jan-": None,
         "1-jan": None, "1-jan-2-27": None, "²-jan-2027": None, "1-jan-202²": None, " 1-jan-2027": None, "1 jan 2027": None, "": None,
         "permanent": None,
         **{f"5-{name}-2027": date(2027, month, 5) for month, name in enumerate(
             ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1)}},
    ),
    "is_never": (
        values.is_never,
        {"permanent": True, "PerManent": True, "1-jan-0": True, "1-jan-00": True, "31-DEC-0000": True, "00-jan-0": True,
         "001-jan-0": False, "32-jan-0": False, "1-jan-000": False,
         "1-jan-2027": False, "1-jan-1": False, "1-foo-0": False, "100-jan-0": False, "never": False, "": False, "1-jan": False},
    ),
    "one_blank": (values.one_blank, {"a  b": "a b", "a\tb": "a b", "a \t b": "a b", " a ": " a ", "ab": "ab", "a\u00a0 b": "a\u00a0 b",
    "": ""}),
    "listed": (values.listed, {"a b": ("a", "b"), " a ": ("a",), "": (), " ": (), "a": ("a",), "a\u00a0b\u2003": ("a\u00a0b\u2003",)}),
    "elements": (
        values.elements,
        {"<A>1</A>": {"A": ("1",)}, "<A></A>": {"A": ("",)}, "<A>1</A><A>2</A><B>3</B>": {"A": ("1", "2"), "B": ("3",)},
         "<A>1</B>": {}, "<A>1<A>": {},
         "<A><B>1</B></A>": {"B": ("1",)}, "<1>1</1>": {}, "<A1b>x y</A1b>": {"A1b": ("x y",)}, "<a>1</A>": {}, "<A>1>2</A>": {},
         "<>1</>": {}, "": {}},
    ),
    "is_name": (
        is_name,
        {"A": True, "a1": True, "A_B": True, "SIGN2": True, "1A": False, "_A": False, "": False, "A-B": False, "A B": False,
         "É": False, "Aé": False, "A=": False},
    ),
    "is_plain": (
        is_plain,
        {"f": True, "f" * 128: True, "f" * 129: False, "": False, "#f": False, "f#": True, "f=": False, 'f"': False, "f f": False,
         "f\x00": False, "é": True,
         "f\u2028": False, "\\": True},
    ),
    "is_group": (
        is_group,
        {"{}": True, "{a}": True, "{{}}": True, '{"}"}': True, "{a} ": False, "{a}b": False, "{a": False, "a}": False, "a{}": False,
         "{}{}": False, '{"}': False,
         "": False, '{""}': True, '{a"b"c}': True, "{{}": False},
    ),
    "major_of": (major_of, {"5.0": 5, "12": 12, "6.1.2": 6, "007.1": 7}),
}  # fmt: skip
CASES = [(reads, text, expected) for reads, table in EDGES.values() for text, expected in table.items()]
IDS = [f"{name}-{text[:20]!r}" for name, (_, table) in EDGES.items() for text in table]


@pytest.mark.parametrize(("reads", "text", "expected"), CASES, ids=IDS)
def test_a_value_at_its_edge(reads: Callable[[str], Any], text: str, expected: Any) -> None:
    assert reads(text) == expected


def test_every_month_is_written_as_it_is_read() -> None:
    days = [date(2027, month, 9) for month in range(1, 13)]
    assert [values.written_day(day) for day in days][:3] == ["9-jan-2027", "9-feb-2027", "9-mar-2027"]
    assert [values.day(values.written_day(day)) for day in days] == days
    assert values.written_day(date(1, 1, 31)) == "31-jan-0001"


def test_what_a_line_can_license() -> None:
    assert FEATURES == ("PHONE_UNIT", "CCM_NODE", "SW_FEATURE")
    assert SOFTWARE_MAJOR == 6


def test_an_element_that_could_not_be_read_back_says_which() -> None:
    with pytest.raises(ValueError, match=r"^PAK='a<' cannot stand in a license file: angle brackets are not allowed$"):
        values.element("PAK", "a<")
    assert values.element("Count", 5) == "<Count>5</Count>"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xef\xbb\xbfa", "a"),
        (b"\xef\xbb\xbf\xef\xbb\xbfa", "\ufeffa"),
        (b"a\xef\xbb\xbf", "a\ufeff"),
        (b"\xfc\n\xc3\xbc\n\xe9", "ü\nü\né"),
        (b"\xef\xbb\xbf\xfc", "ü"),
        (b"\xff\xfe", "ÿþ"),
        (b"", ""),
    ],
)
def test_each_line_is_decoded_as_what_it_is(data: bytes, text: str) -> None:
    assert decode(data) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\nb", [("a", 1), ("b", 2)]),
        ("a\\\nb\nc", [("ab", 1), ("c", 3)]),
        ("a\\ \t\r\nb", [("ab", 1)]),
        ("a\\\\\nb", [("a\\b", 1)]),
        ("\n \t\r\n\na", [("a", 4)]),
        ("\\\n\\\na", [("a", 1)]),
        ("\\\n\na", [("", 1), ("a", 3)]),
        ("a\\", [("a", 1)]),
        ("\\", [("", 1)]),
        (" a \t\r", [(" a", 1)]),
        ("", []),
    ],
)
def test_lines_are_joined_where_one_ends_in_a_backslash(text: str, expected: list[tuple[str, int]]) -> None:
    assert [(line.text, line.first_line) for line in joined_lines(text)] == expected


def test_a_place_is_that_of_the_physical_line() -> None:
    (line,) = joined_lines("ab\\\ncd\\\n\\\ne")
    assert line.text == "abcde"
    assert [line.place(at) for at in range(5)] == [(1, 1), (1, 2), (2, 1), (2, 2), (4, 1)]
    assert [line.end_of_piece(at) for at in range(5)] == [2, 2, 4, 4, 5]


def test_words_are_cut_at_blanks_and_keep_their_place() -> None:
    (line,) = joined_lines('\t a "b c" d="e" f="" AUTH={ g } auth={h} # i')
    assert [(word.at, word.head, word.quoted, word.text) for word in words(line)] == [
        (2, "a", None, "a"),
        (4, "", "b c", "b c"),
        (10, "d=", "e", "d=e"),
        (16, "f=", "", "f="),
        (21, "AUTH=", "{ g }", "AUTH={ g }"),
        (32, "auth=", "{h}", "auth={h}"),
    ]


def test_a_group_ends_at_its_own_brace() -> None:
    assert group_end('x{a{b}"}"c}d', 1) == 11


def test_what_cannot_be_cut_says_where_and_why() -> None:
    with pytest.raises(Unreadable, match=r"^this group is never closed by its brace or holds an open quote$") as found:
        group_end("x{a", 1)
    assert (found.value.at, found.value.before) == (1, ())
    with pytest.raises(Unreadable) as found:
        words(next(joined_lines('a b "c')))
    assert (found.value.at, found.value.reason) == (4, "this quote is never closed")
    assert found.value.before == (Word(0, "a"), Word(2, "b"))
    assert Word(0, "a").quoted is None


def test_a_line_has_at_most_4096_words() -> None:
    (line,) = joined_lines("a " * 4096)
    assert len(words(line)) == 4096
    with pytest.raises(Unreadable, match=r"^a line may have at most 4096 words$"):
        words(next(joined_lines("a " * 4097)))
