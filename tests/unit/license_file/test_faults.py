"""What the grammar refuses, where it says so, and with which codes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.license_file.grammar import MOST_FAULTS, read
from shared.license_file.lines import Fault
from shared.license_file.words import MOST_WORDS
from tests.unit.license_file.made import codes

GOOD = "INCREMENT f v 5.0 permanent uncounted"

ELEMENTS = {
    "OrigMacId": "0015C5F3A1B2", "LicFileID": "20260314092653589", "LicLineID": "1", "Replaces": "20260314092653588", "LicFileVersion": "1",
    "KeyId": "A", "PAK": "B", "MigrationId": "m-1",
}  # fmt: skip
SYNTAX_ONLY = {
    "unknown_keyword": "LICENSE f v 5.0 permanent 1",
    "keyword_in_other_letters": "ıNCREMENT f v 5.0 permanent 1",
    "quoted_keyword": '"INCREMENT" f v 5.0 permanent 1',
    "text_around": "Dear customer, enclosed is your license.",
    "words_missing": "INCREMENT f v 5.0 permanent",
    "upgrade_words_missing": "UPGRADE f v 1.0 2.0 permanent",
    "feature_quoted": 'INCREMENT "f" v 5.0 permanent 1',
    "feature_is_an_attribute": "INCREMENT f=1 v 5.0 permanent 1",
    "feature_too_long": f"INCREMENT {'f' * 129} v 5.0 permanent 1",
    "version_no_number": "INCREMENT f v five permanent 1",
    "version_endless": f"INCREMENT f v {'9' * 5000} permanent 1",
    "attribute_repeated": f"{GOOD} SN=1 SN=1",
    "attribute_repeated_in_other_case": f"{GOOD} SN=1 sn=2",
    "unsigned_attribute_repeated": f"{GOOD} sort=1 sort=2",
    "attribute_without_value": f"{GOOD} SN= ",
    "blank_before_equals": f"{GOOD} SN =1",
    "attribute_name_no_word": f"{GOOD} 1SN=1",
    "attribute_name_in_other_letters": f"{GOOD} vendor_ınfo=1",
    "quote_never_closed": f'{GOOD} NOTICE="a',
    "quote_over_a_line_break_without_backslash": f'{GOOD} NOTICE="a\nb"',
    "quote_inside_a_value": f'{GOOD} SN=a"b"',
    "no_blank_behind_a_quote": f'{GOOD} NOTICE="a"SN=1',
    "group_never_closed": f"{GOOD} AUTH={{a={{b}}",
    "group_with_open_quote": f'{GOOD} AUTH={{a="}}',
    "no_blank_behind_a_group": f"{GOOD} AUTH={{a}}b",
    "control_character": f"{GOOD} SN=\x07",
    "control_character_in_quotes": f'{GOOD} SN="a\x07"',
    "carriage_return_inside": f"{GOOD}\rSN=1",
    "nul": "\0",
    "backslash_inside_a_line": f"{GOOD} \\ SN=1",
    "element_repeated": f"{GOOD} NOTICE=<PAK>a</PAK><PAK>b</PAK>",
    "element_in_both_places": f"{GOOD} VENDOR_STRING=<PAK>a</PAK> NOTICE=<PAK>a</PAK>",
    "element_not_closed": f"{GOOD} NOTICE=<PAK>a",
    "element_over_two_attributes": f"{GOOD} VENDOR_STRING=<PAK>a NOTICE=</PAK>",
    "number_over_two_attributes": f"{GOOD} VENDOR_STRING=<LicLineID>1 NOTICE=</LicLineID>",
    "file_id_not_17_digits": f"{GOOD} NOTICE=<LicFileID>2026031409265358</LicFileID>",
    "line_id_no_number": f"{GOOD} NOTICE=<LicLineID>x</LicLineID>",
    "original_mac_is_none": f"{GOOD} VENDOR_STRING=<OrigMacId>xyz</OrigMacId>",
    "replaces_no_file_id": f"{GOOD} NOTICE=<Replaces>1</Replaces>",
    "components_missing": "PACKAGE p v 1.0",
    "components_empty": 'PACKAGE p v COMPONENTS=""',
    "words_behind_use_server": "USE_SERVER now",
    "too_many_words": f"{GOOD} {'a ' * MOST_WORDS}",
    "byte_order_mark_twice": f"\ufeff\ufeff{GOOD}",
    "keyword_alone": "increment",
    "vendor_quoted": 'INCREMENT f "v" 5.0 permanent 1',
    "version_quoted": 'INCREMENT f v "5.0" permanent 1',
    "version_of_five_parts": "INCREMENT f v 1.2.3.4.5 permanent 1",
    "version_ends_in_a_dot": "INCREMENT f v 5. permanent 1",
    "feature_is_a_quote": 'INCREMENT "" v 5.0 permanent 1',
    "feature_ends_before_a_quote": 'INCREMENT f"x" v 5.0 permanent 1',
    "package_version_no_number": "PACKAGE p v 1.x COMPONENTS=a",
    "package_too_short": "PACKAGE p v",
    "package_attribute_repeated": "PACKAGE p v COMPONENTS=a COMPONENTS=b",
    "upgrade_versions_no_numbers": "UPGRADE f v a b permanent 1",
    "upgrade_attribute_repeated": "UPGRADE f v 1.0 2.0 permanent 1 SN=1 sn=2",
    "element_closed_twice": f"{GOOD} NOTICE=<PAK>a</PAK></PAK>",
    "element_closed_by_another_name": f"{GOOD} NOTICE=<PAK>a</Pak>",
    "element_around_an_element": f"{GOOD} NOTICE=<PAK><B>a</B></PAK>",
    "tab_in_front_of_equals": f"{GOOD} SN\t=1",
    "delete_character": f"{GOOD} SN=a\x7f",
    "nothing_but_equals": f"{GOOD} =",
    "group_without_a_name": f"{GOOD} {{a}}",
    "quote_without_a_name": f'{GOOD} "a"',
    "element_wrong_in_the_second_attribute": f"{GOOD} VENDOR_STRING=<LicLineID>1</LicLineID> \\\n NOTICE=<OrigMacId>x</OrigMacId>",
    "element_wrong_in_the_first_attribute": f"{GOOD} NOTICE=<OrigMacId>x</OrigMacId> \\\n VENDOR_STRING=<LicLineID>1</LicLineID>",
    "element_wrong_twice": f"{GOOD} NOTICE=<Replaces>1</Replaces><Replaces>2</Replaces>",
    "element_wrong_and_given_twice": f"{GOOD} NOTICE=<LicLineID>x</LicLineID> \\\n VENDOR_STRING=<LicLineID>1</LicLineID>",
    "keyword_of_fifty_letters": "K" * 50,
    "element_of_fifty_letters": f"{GOOD} NOTICE=<LicLineID>{'x' * 50}</LicLineID>",
    "attribute_of_fifty_letters_repeated": f"{GOOD} {'A' * 50}=1 {'A' * 50}=1",
    "attribute_of_fifty_letters_without_value": f"{GOOD} {'A' * 50}=",
    "no_attribute_of_fifty_letters": f"{GOOD} {'-' * 50}",
    "version_of_fifty_letters": f"INCREMENT f v {'x' * 50} permanent 1",
    "upgrade_names_quoted": 'UPGRADE "f" "v" 1.0 2.0 permanent 1',
    "package_names_quoted": 'PACKAGE "p" "v" COMPONENTS=a',
    "letter_behind_a_quote": f'{GOOD} SN="a"X',
    "every_element_twice": f"{GOOD} NOTICE={''.join(f'<{name}>{text}</{name}>' * 2 for name, text in ELEMENTS.items())}",
    "every_element_open": f"{GOOD} NOTICE={''.join(f'<{name}>' for name in ELEMENTS)}",
    "no_break_space_in_front_of_a_comment": "\u00a0# a",
    "letter_in_front_of_a_comment": "X# a",
    "places_behind_a_join_inside_a_word": "INCREMENT f v 5.0 perma\\\nnent 1 SN=\\ \n sort sort",
    "every_fault_at_once": "INCREMENT f=1 v= five permanent 1 SN= sort NOTICE=<PAK>a VENDOR_STRING=<LicLineID>x</LicLineID> sort",
}  # fmt: skip

WITH_CODE = {
    "count_no_number": ("INCREMENT f v 5.0 permanent many", "invalid_count"),
    "count_negative": ("INCREMENT f v 5.0 permanent -1", "invalid_count"),
    "count_huge": ("INCREMENT f v 5.0 permanent 1000000000", "invalid_count"),
    "count_endless": (f"INCREMENT f v 5.0 permanent {'9' * 5000}", "invalid_count"),
    "count_in_other_digits": ("INCREMENT f v 5.0 permanent ٣", "invalid_count"),
    "count_missing": ("INCREMENT f v 5.0 permanent HOSTID=ANY", "invalid_count"),
    "inner_count_no_number": (f"{GOOD} VENDOR_STRING=<Count>many</Count>", "invalid_count"),
    "inner_count_empty": (f"{GOOD} VENDOR_STRING=<Count></Count>", "invalid_count"),
    "inner_count_repeated": (f"{GOOD} VENDOR_STRING=<Count>1</Count><Count>2</Count>", "invalid_count"),
    "inner_count_not_closed": (f"{GOOD} VENDOR_STRING=<Count>1", "invalid_count"),
    "two_counts_that_differ": ("INCREMENT f v 5.0 permanent 5 VENDOR_STRING=<Count>6</Count>", "invalid_count"),
    "order_count_no_number": (f"{GOOD} NOTICE=<OrderCount>x</OrderCount>", "invalid_count"),
    "overdraft_no_number": (f"{GOOD} OVERDRAFT=5%", "invalid_count"),
    "overdraft_without_value": (f"{GOOD} OVERDRAFT", "invalid_count"),
    "upgrade_count": ("UPGRADE f v 1.0 2.0 permanent x", "invalid_count"),
    "expiry_no_date": ("INCREMENT f v 5.0 someday 1", "invalid_date"),
    "expiry_quoted": ('INCREMENT f v 5.0 "permanent" 1', "invalid_date"),
    "day_that_is_none": ("INCREMENT f v 5.0 30-feb-2027 1", "invalid_date"),
    "month_that_is_none": ("INCREMENT f v 5.0 1-foo-2027 1", "invalid_date"),
    "year_of_two_digits": ("INCREMENT f v 5.0 1-jan-27 1", "invalid_date"),
    "year_of_three_zeros": ("INCREMENT f v 5.0 1-jan-000 1", "invalid_date"),
    "day_of_three_digits": ("INCREMENT f v 5.0 001-jan-2027 1", "invalid_date"),
    "start_no_date": (f"{GOOD} START=now", "invalid_date"),
    "start_never": (f"{GOOD} START=1-jan-0", "invalid_date"),
    "issued_no_date": (f"{GOOD} ISSUED=2026-01-31", "invalid_date"),
    "server_without_host_id": ("SERVER h", "invalid_server_line"),
    "server_port_zero": ("SERVER h ANY 0", "invalid_server_line"),
    "server_port_too_high": ("SERVER h ANY 65536", "invalid_server_line"),
    "server_port_twice": ("SERVER h ANY 1 2", "invalid_server_line"),
    "server_word_unknown": ("SERVER h ANY 1 FAST", "invalid_server_line"),
    "server_heartbeat_no_number": ("SERVER h ANY HEARTBEAT_INTERVAL=x", "invalid_server_line"),
    "server_quote_never_closed": ('SERVER h "ANY', "invalid_server_line"),
    "vendor_without_name": ("VENDOR", "invalid_vendor_line"),
    "vendor_port_twice": ("DAEMON c PORT=1 2", "invalid_vendor_line"),
    "vendor_port_no_number": ("VENDOR c PORT=x", "invalid_vendor_line"),
    "vendor_three_paths": ("VENDOR c a b c", "invalid_vendor_line"),
    "vendor_options_empty": ("VENDOR c OPTIONS=", "invalid_vendor_line"),
    "vendor_quote_never_closed": ('VENDOR c "a', "invalid_vendor_line"),
    "daemon_quote_never_closed": ('daemon c "a', "invalid_vendor_line"),
    "daemon_without_name": ("daemon", "invalid_vendor_line"),
    "vendor_name_empty": ('VENDOR ""', "invalid_vendor_line"),
    "vendor_options_twice": ("VENDOR c OPTIONS=a OPTIONS=b", "invalid_vendor_line"),
    "vendor_port_too_high": ("VENDOR c PORT=65536", "invalid_vendor_line"),
    "vendor_port_zero": ("VENDOR c 0", "invalid_vendor_line"),
    "vendor_two_faults": ("VENDOR c PORT=x OPTIONS=", "invalid_vendor_line"),
    "server_alone": ("server", "invalid_server_line"),
    "server_host_empty": ('SERVER "" ANY', "invalid_server_line"),
    "server_host_id_empty": ('SERVER h ""', "invalid_server_line"),
    "server_port_named": ("SERVER h ANY PORT=1", "invalid_server_line"),
    "server_port_in_other_digits": ("SERVER h ANY ٣", "invalid_server_line"),
    "server_heartbeat_empty": ("SERVER h ANY HEARTBEAT_INTERVAL", "invalid_server_line"),
    "server_heartbeat_twice": ("SERVER h ANY HEARTBEAT_INTERVAL=1 heartbeat_interval=2", "invalid_server_line"),
    "server_master_with_value": ("SERVER h ANY PRIMARY_IS_MASTER=1", "invalid_server_line"),
    "server_master_twice": ("SERVER h ANY PRIMARY_IS_MASTER primary_is_master", "invalid_server_line"),
    "server_two_faults": ("SERVER h ANY FAST SLOW", "invalid_server_line"),
    "count_quoted": ('INCREMENT f v 5.0 permanent "1"', "invalid_count"),
    "count_of_ten_digits": ("INCREMENT f v 5.0 permanent 0000000001", "invalid_count"),
    "count_with_a_sign": ("INCREMENT f v 5.0 permanent +1", "invalid_count"),
    "inner_count_without_an_opening": (f"{GOOD} NOTICE=1</Count>", "invalid_count"),
    "inner_count_in_both_places": (f"{GOOD} VENDOR_STRING=<Count>1</Count> NOTICE=<Count>1</Count>", "invalid_count"),
    "overdraft_negative": (f"{GOOD} OVERDRAFT=-1", "invalid_count"),
    "order_count_not_closed": (f"{GOOD} NOTICE=<OrderCount>1", "invalid_count"),
    "two_counts_that_differ_by_zero": ("INCREMENT f v 5.0 permanent 5 VENDOR_STRING=<Count>0</Count>", "invalid_count"),
    "count_of_fifty_letters": (f"INCREMENT f v 5.0 permanent {'x' * 50}", "invalid_count"),
    "overdraft_of_fifty_letters": (f"{GOOD} OVERDRAFT={'x' * 50}", "invalid_count"),
    "expiry_of_fifty_letters": (f"INCREMENT f v 5.0 {'x' * 50} 1", "invalid_date"),
    "server_word_of_fifty_letters": (f"SERVER h ANY {'x' * 50}", "invalid_server_line"),
    "vendor_word_of_fifty_letters": (f"VENDOR c a b {'x' * 50}", "invalid_vendor_line"),
    "day_zero": ("INCREMENT f v 5.0 0-jan-2027 1", "invalid_date"),
    "day_32_never": ("INCREMENT f v 5.0 32-jan-0 1", "invalid_date"),
    "day_with_a_sign": ("INCREMENT f v 5.0 -1-jan-2027 1", "invalid_date"),
    "no_day": ("INCREMENT f v 5.0 jan-2027 1", "invalid_date"),
    "month_spelled_out": ("INCREMENT f v 5.0 1-january-2027 1", "invalid_date"),
    "month_by_number": ("INCREMENT f v 5.0 1-01-2027 1", "invalid_date"),
    "year_of_three_digits": ("INCREMENT f v 5.0 1-jan-202 1", "invalid_date"),
    "year_of_five_digits": ("INCREMENT f v 5.0 1-jan-02027 1", "invalid_date"),
    "year_in_other_digits": ("INCREMENT f v 5.0 1-jan-٢٠٢٧ 1", "invalid_date"),
    "day_of_no_leap_year": ("INCREMENT f v 5.0 29-feb-2027 1", "invalid_date"),
    "date_in_four_parts": ("INCREMENT f v 5.0 1-jan-20-7 1", "invalid_date"),
    "upgrade_expiry": ("UPGRADE f v 1.0 2.0 soon 1", "invalid_date"),
    "start_without_value": (f"{GOOD} START", "invalid_date"),
    "issued_of_two_digits": (f"{GOOD} ISSUED=1-jan-26", "invalid_date"),
}  # fmt: skip


@pytest.mark.parametrize("text", SYNTAX_ONLY.values(), ids=SYNTAX_ONLY.keys())
def test_an_unreadable_line_is_a_syntax_fault_and_no_line(text: str) -> None:
    assert codes(text) == {"syntax"}
    assert read(text.encode()).lines == ()


@pytest.mark.parametrize(("text", "code"), WITH_CODE.values(), ids=WITH_CODE.keys())
def test_a_specific_code_stands_beside_syntax(text: str, code: str) -> None:
    assert codes(text) == {"syntax", code}
    assert read(text.encode()).lines == ()


SENTENCES = Path(__file__).with_name("faults.txt")


def told() -> Iterator[str]:
    """Every case of the tables above, and each of its faults: line, column, code, sentence."""
    for name, text in {**SYNTAX_ONLY, **{name: text for name, (text, _) in WITH_CODE.items()}}.items():
        yield name
        yield from (f"  {fault.line}:{fault.column} {fault.code}: {fault.text}" for fault in read(text.encode()).faults)


def test_every_fault_has_exactly_its_place_and_its_sentence() -> None:
    assert list(told()) == SENTENCES.read_text("utf-8").splitlines()


def test_a_fault_names_its_place_in_the_file_even_behind_joins() -> None:
    found = read(b"# first\nINCREMENT f v 5.0 \\\n  someday uncounted \\\n SN=1 SN=2\n")
    assert [(fault.line, fault.column, fault.code) for fault in found.faults] == [
        (3, 3, "syntax"),
        (3, 3, "invalid_date"),
        (4, 7, "syntax"),
    ]
    assert "'someday'" in found.faults[0].text


def test_a_readable_line_beside_an_unreadable_one_is_read() -> None:
    found = read(f"nonsense\n{GOOD}\n".encode())
    assert [line.first_line for line in found.lines] == [2]
    assert found.faults == (Fault(1, 1, "syntax", found.faults[0].text),)


def test_the_faults_of_a_line_are_bounded() -> None:
    assert len(read(f"{GOOD} {'= ' * 1000}".encode()).faults) == 20


LAST = "there are 10000 faults up to here; the rest of the file was not read"


@pytest.mark.parametrize(("line", "faults"), [("x", 1), ("INCREMENT f v 5.0 permanent many", 2)], ids=["one_a_line", "two_a_line"])
def test_the_faults_of_a_file_are_bounded_and_the_last_one_says_so(line: str, faults: int) -> None:
    found = read(f"{line}\n".encode() * (MOST_FAULTS + 5)).faults
    assert MOST_FAULTS == 10_000
    assert len(found) == MOST_FAULTS + 1
    assert found[-1] == Fault(MOST_FAULTS // faults, 1, "syntax", LAST)


MEGABYTE = 1 << 20
HUGE = {
    "backslashes": b"\\" * MEGABYTE, "quotes": b'"' * MEGABYTE, "tags": f"{GOOD} NOTICE=".encode() + b"<" * MEGABYTE,
    "braces": f"{GOOD} AUTH=".encode() + b"{" * MEGABYTE, "nul": b"\0" * MEGABYTE,
}  # fmt: skip


@pytest.mark.parametrize("data", HUGE.values(), ids=HUGE.keys())
def test_a_megabyte_of_one_character_is_read_to_the_end(data: bytes) -> None:
    found = read(data)
    assert len(found.lines) + len(found.faults) == 1


@pytest.mark.parametrize("data", [b" " * MEGABYTE, b"\\\n" * (MEGABYTE // 2), b"\n" * MEGABYTE], ids=["blanks", "joins", "line_breaks"])
def test_a_megabyte_of_nothing_is_nothing(data: bytes) -> None:
    found = read(data)
    assert (found.lines, found.faults) == ((), ())
