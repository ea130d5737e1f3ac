"""What is written is in the field's shape and reads back as the same line."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.license_file.composing import license_line
from shared.license_file.grammar import read
from shared.license_file.lines import LicenseLine, Line, PackageLine, ServerLine, UpgradeLine, UseServerLine, VendorLine
from shared.license_file.mac import InvalidMac
from shared.license_file.signature import canonical, sign, verify
from shared.license_file.values import element
from shared.license_file.writing import write_file, write_line
from tests.unit.license_file.made import ANCESTOR, EXAMPLE, FILE_ID, KEY, OLDEST, made_line, only_line

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters='"'), max_size=30)
MARKED = st.lists(st.sampled_from(["> <", "\\", "#", " ", "\t", "=", "{", "}", "<PAK>", "é", "a", "'"]), max_size=8).map("".join)
VALUES = TEXT | MARKED
WORDS = st.text(st.characters(codec="ascii", categories=("L", "N"), include_characters="_.-#\\"), min_size=1, max_size=20)
NAMES = st.from_regex(r"[A-Z][A-Z0-9_]{0,12}", fullmatch=True).filter(lambda name: name not in ("START", "ISSUED", "OVERDRAFT"))
GROUPS = st.sampled_from(["{}", '{ a=( SIGN="1  2 }" ) b={c} }', "{a", "{a} {b}", "plain"])
LINES = st.builds(
    LicenseLine,
    keyword=st.sampled_from(["INCREMENT", "FEATURE"]),
    feature=WORDS.filter(lambda word: not word.startswith("#")),
    vendor=WORDS.filter(lambda word: not word.startswith("#")),
    version=st.sampled_from(["5.0", "6", "12.5.1"]),
    expiry=st.none() | st.dates(),
    count=st.none() | st.integers(1, 999_999_999),
    attributes=st.builds(
        lambda plain, known: {**plain, **known},
        st.dictionaries(NAMES, VALUES.filter(lambda text: "<" not in text), max_size=5),
        st.fixed_dictionaries({}, optional={
            "AUTH": GROUPS, "NOTICE": VALUES.map(lambda text: text.replace("<PAK>", "<B>")), "SIGN": VALUES,
            "VENDOR_STRING": VALUES.filter(lambda text: "<PAK>" not in text),
            "OVERDRAFT": st.integers(0, 9).map(str), "START": st.just("1-jan-2026"),
        }),
    ),
)  # fmt: skip


@settings(max_examples=400)
@given(st.lists(LINES, min_size=1, max_size=3), st.text(st.characters(codec="utf-8"), max_size=40))
def test_what_was_written_reads_back_as_the_same_lines(lines: list[LicenseLine], comment: str) -> None:
    found = read(write_file(lines, comment))
    assert found.faults == ()
    assert found.license_lines == tuple(lines)
    assert [canonical(line) for line in found.license_lines] == [canonical(line) for line in lines]


def test_an_empty_line_of_a_comment_ends_without_a_blank_and_no_comment_is_no_line() -> None:
    assert write_file([UseServerLine()], "one\n\ntwo") == b"# one\n#\n# two\nUSE_SERVER\n"
    assert write_file([UseServerLine()]) == b"USE_SERVER\n"


def test_only_what_would_be_misread_is_quoted() -> None:
    assert write_line(VendorLine("X", "/X", "/a b", None)) == 'VENDOR X /X OPTIONS="/a b"'


def test_the_example_of_the_field_is_written_exactly_as_it_was_read() -> None:
    comment, _, _ = EXAMPLE.partition("\n")
    assert write_file(read(EXAMPLE.encode()).license_lines, comment.removeprefix("# ")) == EXAMPLE.encode()


def test_a_signature_stands_in_rows_of_16_groups_of_four_upper_case_digits() -> None:
    written = write_line(sign(made_line(), KEY))
    first, second = written.partition('SIGN="')[2].removesuffix('"').split(" \\\n")
    for row in (first, second):
        groups = row.split(" ")
        assert [len(group) for group in groups] == [4] * 16
        assert set(row) <= set("0123456789ABCDEF ")


def test_every_line_of_a_comment_is_a_comment() -> None:
    written = write_file([made_line()], "for\r\nINCREMENT evil cisco 5.0 permanent 9\u2028us\\")
    assert len(read(written).license_lines) == 1
    assert written.startswith(b"# for\n# INCREMENT evil cisco 5.0 permanent 9\n# us\\\nINCREMENT PHONE_UNIT")


def test_a_day_is_written_without_a_leading_zero() -> None:
    assert " 1-jan-2027 uncounted" in write_line(made_line(expiry=date(2027, 1, 1)))


def test_a_composed_line_reads_back_by_the_same_names() -> None:
    line = license_line(
        feature="CCM_NODE", version="6.1", units=15, mac="00-15-c5-f3-a1-b2", license_file_id=FILE_ID, license_line_id=3,
        original_mac="0015.c5f3.a1b9", pak="7K2M9QX4TB", order_count=20, replaces=(ANCESTOR, OLDEST), migration_id="m-1",
        overdraft_units=1, expiry=date(2027, 12, 31), start=date(2026, 2, 1), issued=date(2026, 1, 31),
    )  # fmt: skip
    read_back = only_line(write_line(sign(line, KEY)))
    assert (read_back.feature, read_back.vendor, read_back.version, read_back.expiry) == ("CCM_NODE", "cisco", "6.1", date(2027, 12, 31))
    assert (read_back.units, read_back.count, read_back.overdraft_units, read_back.order_count) == (15, None, 1, 20)
    assert (read_back.host_ids, read_back.original_mac) == (("0015C5F3A1B2",), "0015C5F3A1B9")
    assert (read_back.license_file_id, read_back.license_line_id, read_back.pak) == (FILE_ID, 3, "7K2M9QX4TB")
    assert (read_back.replaces, read_back.migration_id) == ((ANCESTOR, OLDEST), "m-1")
    assert (read_back.start, read_back.issued) == (date(2026, 2, 1), date(2026, 1, 31))
    assert read_back.attributes["HOSTID"] == "0015c5f3a1b2"


@pytest.mark.parametrize(
    "changes",
    [
        {"license_file_id": "1"}, {"replaces": ("1",)}, {"units": -1}, {"units": 1_000_000_000}, {"license_line_id": -1},
        {"overdraft_units": -1}, {"pak": "<"}, {"pak": 'a"b'}, {"migration_id": "a\nb"}, {"version": "x"}, {"feature": "a b"},
    ],
    ids=str,
)  # fmt: skip
def test_a_value_that_no_line_can_hold_is_not_composed(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        made_line(**changes)


def test_what_is_not_composed_is_named() -> None:
    with pytest.raises(ValueError, match=r"^a license file id has 17 digits, not \['1', '2'\]$"):
        made_line(license_file_id="1", replaces=("2", ANCESTOR))
    with pytest.raises(ValueError, match=r"^numbers in a license line are 0 to 999999999, not \[-1, 1000000000\]$"):
        made_line(units=-1, order_count=1_000_000_000)


def test_the_smallest_and_the_largest_numbers_are_composed() -> None:
    line = made_line(units=0, license_line_id=0, overdraft_units=0, order_count=0)
    assert (line.units, line.license_line_id, line.overdraft_units, line.order_count) == (0, 0, 0, 0)
    assert "OVERDRAFT" not in line.attributes
    largest = made_line(units=999_999_999, license_line_id=999_999_999, overdraft_units=999_999_999, order_count=999_999_999)
    assert (largest.units, largest.overdraft_units, largest.order_count) == (999_999_999,) * 3


def test_a_composed_line_says_exactly_this() -> None:
    line = license_line(feature="f", version="5.0", units=1, mac="0015C5F3A1B2", license_file_id=FILE_ID, license_line_id=1)
    assert (line.keyword, line.feature, line.vendor, line.version, line.expiry, line.count) == (
        "INCREMENT",
        "f",
        "cisco",
        "5.0",
        None,
        None,
    )
    assert line.attributes == {
        "VENDOR_STRING": "<Count>1</Count><OrigMacId>0015C5F3A1B2</OrigMacId><LicFileVersion>1.0</LicFileVersion>",
        "HOSTID": "0015c5f3a1b2",
        "NOTICE": f"<LicFileID>{FILE_ID}</LicFileID><LicLineID>1</LicLineID> <PAK></PAK>",
    }


WRITTEN = {
    "SERVER h ANY": ServerLine("h", "ANY", None, False, None),
    "SERVER h ANY 1 PRIMARY_IS_MASTER HEARTBEAT_INTERVAL=0": ServerLine("h", "ANY", 1, True, 0),
    'SERVER "a b" "{c"': ServerLine("a b", "{c", None, False, None),
    'SERVER AUTH={"a b"} "auth={x"': ServerLine('AUTH={"a b"}', "auth={x", None, False, None),
    "VENDOR c": VendorLine("c", None, None, None),
    'VENDOR "#c" "p\\" OPTIONS="o p" PORT=1': VendorLine("#c", "p\\", "o p", 1),
    'VENDOR "a\tb" p': VendorLine("a\tb", "p", None, None),
    "USE_SERVER": UseServerLine(),
    "UPGRADE f v 1.0 2.0 31-dec-2027 5 SN=1": UpgradeLine("f", "v", "1.0", "2.0", date(2027, 12, 31), 5, {"SN": "1"}),
    "UPGRADE f v 1.0 2.0 permanent uncounted": UpgradeLine("f", "v", "1.0", "2.0", None, None, {}),
    'PACKAGE p v 1.0 COMPONENTS="a b" OPTIONS=SUITE': PackageLine("p", "v", "1.0", ("a", "b"), {"COMPONENTS": "a b", "OPTIONS": "SUITE"}),
    "PACKAGE p v COMPONENTS=a": PackageLine("p", "v", None, ("a",), {"COMPONENTS": "a"}),
    "FEATURE f v 1.0 permanent 5": LicenseLine("FEATURE", "f", "v", "1.0", None, 5, {}),
}


@pytest.mark.parametrize(("text", "line"), WRITTEN.items(), ids=WRITTEN.keys())
def test_every_kind_of_line_has_one_way_of_being_written(text: str, line: Line) -> None:
    assert write_line(line).replace(" \\\n", " ") == text
    assert read(write_file([line])).lines == (line,)


def test_where_the_attributes_of_a_line_stand() -> None:
    attributes = {
        "SIGN": "AB",
        "NOTICE": "<A>1</A> <B>2</B>",
        "SN": "",
        "HOSTID": "a b",
        "VENDOR_STRING": "x",
        "AUTH": "{ a }",
        "A": "{",
        "B": "c\\",
    }
    assert write_line(LicenseLine("FEATURE", "f", "v", "1.0", None, 5, attributes)) == (
        'FEATURE f v 1.0 permanent 5 \\\nVENDOR_STRING=x \\\nSN HOSTID="a b" AUTH={ a } A="{" B="c\\" \\\n'
        'NOTICE="<A>1</A> \\\n<B>2</B>" SIGN="AB"'
    )


def test_a_mac_that_no_card_can_have_is_not_composed() -> None:
    with pytest.raises(InvalidMac):
        made_line(mac="000000000000")


@pytest.mark.parametrize(
    "broken",
    [
        {"attributes": {"A": 'x"'}}, {"attributes": {"A": "x\n"}}, {"attributes": {"A": "\ud800"}}, {"attributes": {"1": "x"}},
        {"attributes": {"a": "1", "A": "2"}}, {"attributes": {"AUTH": '{a="}'}}, {"attributes": {"ı": "1"}}, {"count": 0}, {"count": 10**9},
        {"keyword": "UPGRADE"}, {"feature": "#x"}, {"vendor": ""}, {"version": "5."},
    ],
    ids=str,
)  # fmt: skip
def test_what_no_line_of_a_file_can_say_cannot_be_built(broken: dict[str, Any]) -> None:
    values: dict[str, Any] = {
        "keyword": "INCREMENT", "feature": "f", "vendor": "v", "version": "5.0", "expiry": None, "count": None, "attributes": {},
    }  # fmt: skip
    with pytest.raises(ValueError, match=r".+"):
        LicenseLine(**{**values, **broken})


def test_a_line_can_be_hashed_and_does_not_follow_changes_of_what_it_was_built_from() -> None:
    attributes = {"a": "1  2"}
    line = LicenseLine("FEATURE", "f", "v", "1.0", None, 1, attributes)
    attributes["a"] = "3"
    assert line.attributes == {"A": "1 2"}
    assert len({line, LicenseLine("FEATURE", "f", "v", "1.0", None, 1, {"A": "1 2"}, first_line=9)}) == 1


def test_an_element_holds_no_angle_bracket() -> None:
    with pytest.raises(ValueError, match="angle brackets"):
        element("PAK", "a</PAK><Count>9</Count>")
    assert element("PAK", "") == "<PAK></PAK>"


def test_writing_an_unsigned_line_leaves_it_without_a_known_signer() -> None:
    assert verify(only_line(write_line(made_line())), {}).value == "unknown_signer"
