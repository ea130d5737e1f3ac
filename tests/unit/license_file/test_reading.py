"""What the grammar accepts, and what each thing means."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.license_file.grammar import LicenseText, read
from shared.license_file.lines import LicenseLine, PackageLine, ServerLine, UpgradeLine, UseServerLine, VendorLine
from tests.unit.license_file.made import ANCESTOR, EXAMPLE, FILE_ID, OLDEST, only_line

PLAIN = "INCREMENT PHONE_UNIT cisco 5.0 permanent uncounted VENDOR_STRING=<Count>5</Count>"
MEANING = only_line(PLAIN)

SAME_MEANING = {
    "keyword_case": PLAIN.replace("INCREMENT", "IncremenT"),
    "attribute_name_case": PLAIN.replace("VENDOR_STRING", "vendor_String"),
    "permanent_and_uncounted_case": PLAIN.replace("permanent uncounted", "PERMANENT Uncounted"),
    "count_zero_is_uncounted": PLAIN.replace("uncounted", "0"),
    "year_0_never_expires": PLAIN.replace("permanent", "1-jan-0"),
    "year_00_never_expires": PLAIN.replace("permanent", "01-JAN-00"),
    "year_0000_never_expires": PLAIN.replace("permanent", "31-dec-0000"),
    "quoted_vendor_string": PLAIN.replace("<Count>5</Count>", '"<Count>5</Count>"'),
    "runs_of_blanks_and_tabs": PLAIN.replace(" ", " \t  "),
    "blanks_around": f"  \t{PLAIN} \t ",
    "crlf": f"{PLAIN}\r\n",
    "carriage_returns_in_a_row": f"{PLAIN}\r\r\n",
    "line_break_before_an_attribute": PLAIN.replace(" VENDOR", " \\\nVENDOR"),
    "line_break_with_crlf": PLAIN.replace(" VENDOR", " \\\r\nVENDOR"),
    "line_break_inside_an_unquoted_vendor_string": PLAIN.replace("5</Count>", "5\\\n</Count>"),
    "carriage_return_behind_a_letter": f"{PLAIN} sort=X\r\n",
    "letter_at_the_end": f"{PLAIN} sort=X",
    "line_break_inside_a_word": PLAIN.replace("PHONE_UNIT", "PHO\\\nNE_\\\nUNIT"),
    "blanks_behind_the_backslash": PLAIN.replace(" VENDOR", " \\ \t\nVENDOR"),
    "backslash_at_the_end_of_the_file": f"{PLAIN}\\",
    "comment_before": f"# path C:\\dir\\\n{PLAIN}",
    "comment_behind": f"{PLAIN} # for \"us",
    "comment_inside": PLAIN.replace(" VENDOR", " # five \\\nVENDOR"),
    "comment_of_any_bytes": f"# \x00\x07\x7f\n{PLAIN}",
    "empty_lines_around": f"\n \r\n\t\n{PLAIN}\n\n",
}  # fmt: skip


@pytest.mark.parametrize("text", SAME_MEANING.values(), ids=SAME_MEANING.keys())
def test_spelling_does_not_change_the_meaning(text: str) -> None:
    line = only_line(text)
    assert {**line.attributes, "SORT": "X"} == {**MEANING.attributes, "SORT": "X"}
    assert replace(line, attributes={}) == replace(MEANING, attributes={})
    assert line.attributes.get("SORT", "X") == "X"


def test_the_example_of_the_field_reads_in_full() -> None:
    found = read(EXAMPLE.encode())
    node, phone = found.license_lines
    assert found.faults == ()
    assert (node.feature, node.units, node.overdraft_units, node.license_line_id, node.first_line) == ("CCM_NODE", 15, 0, 1, 2)
    assert (phone.feature, phone.units, phone.overdraft_units, phone.license_line_id, phone.first_line) == ("PHONE_UNIT", 15000, 750, 2, 7)
    assert (phone.vendor, phone.version, phone.expiry, phone.count) == ("cisco", "5.0", None, None)
    assert (phone.license_file_id, phone.pak, phone.license_file_version) == (FILE_ID, "7K2M9QX4TB", "1.0")
    assert (phone.original_mac, phone.host_ids) == ("0015C5F3A1B2", ("0015C5F3A1B2",))
    assert (phone.key_id, phone.order_count, phone.replaces, phone.migration_id) == (None, None, (), None)
    assert (phone.start, phone.issued, phone.supersede) == (None, None, ())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_text_is_utf8_with_or_without_a_mark_or_8_bit_latin(encoding: str) -> None:
    assert only_line(f'{PLAIN} ISSUER="Zürich é"\n'.encode(encoding)).attributes["ISSUER"] == "Zürich é"


def test_each_line_has_its_own_encoding() -> None:
    data = "# Zürich\n".encode("latin-1") + f"{PLAIN} ISSUER=Zürich".encode()
    assert only_line(data).attributes["ISSUER"] == "Zürich"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("31-dec-2027", date(2027, 12, 31)),
        ("1-jan-2027", date(2027, 1, 1)),
        ("01-JAN-2027", date(2027, 1, 1)),
        ("29-feb-2028", date(2028, 2, 29)),
    ],
)
def test_a_day_expires(text: str, expected: date) -> None:
    assert only_line(PLAIN.replace("permanent", text)).expiry == expected


def test_a_positional_count_is_the_units() -> None:
    line = only_line("FEATURE f v 1.0 permanent 12")
    assert (line.keyword, line.count, line.units) == ("FEATURE", 12, 12)


def test_an_uncounted_line_without_count_has_no_units() -> None:
    assert only_line("FEATURE f v 1.0 permanent uncounted HOSTID=ANY").units is None


def test_attributes_of_the_whole_grammar_are_kept() -> None:
    line = only_line(
        f"{PLAIN} BORROW=24 FLOAT_OK PLATFORMS=\"i86_n amd64_re\" USER_BASED HOST_BASED=3 TS_OK DUP_GROUP=UH SN=4711 "
        "sort=100 SIGN2=\"0A 0B\" "
        "asset_info=x VENDOR_INFO=\"a  b\" Unknown_1=z=1 START=1-feb-2026 ISSUED=31-Jan-2026"
    )  # fmt: skip
    assert line.attributes == {
        "VENDOR_STRING": "<Count>5</Count>", "BORROW": "24", "FLOAT_OK": "", "PLATFORMS": "i86_n amd64_re", "USER_BASED": "",
        "HOST_BASED": "3", "TS_OK": "", "DUP_GROUP": "UH", "SN": "4711", "SORT": "100", "SIGN2": "0A 0B", "ASSET_INFO": "x",
        "VENDOR_INFO": "a b", "UNKNOWN_1": "z=1", "START": "1-feb-2026", "ISSUED": "31-Jan-2026",
    }  # fmt: skip
    assert (line.start, line.issued) == (date(2026, 2, 1), date(2026, 1, 31))


@pytest.mark.parametrize(
    "group", ["{}", "{ a=(SIGN=\"1 2\") b={c} }", "{a=\"}\"}", "{a=1\\\n2}"],
    ids=["empty", "nested_with_blanks", "brace_in_quotes", "joined"],
)  # fmt: skip
def test_an_auth_group_is_one_value(group: str) -> None:
    assert only_line(f"{PLAIN} auth={group} SN=1").attributes["AUTH"] == group.replace("\\\n", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("00:15:c5:f3:a1:b2", ("0015C5F3A1B2",)),
        ("any", ("ANY",)),
        ("DEMO", ("DEMO",)),
        ('"0015c5f3a1b2  0015.c5f3.a1b3"', ("0015C5F3A1B2", "0015C5F3A1B3")),
        *((f"{kind.lower()}=aB-1", (f"{kind}=aB-1",)) for kind in ("HOSTNAME", "ID", "INTERNET", "USER", "DISPLAY")),
        *((f"{kind}=aB-1", (f"{kind}=aB-1",)) for kind in ("COMPOSITE", "FLEXID", "VM_UUID")),
        ("ffffffffffff", ("ffffffffffff",)),
    ],
)
def test_host_ids_of_every_kind(text: str, expected: tuple[str, ...]) -> None:
    assert only_line(f"{PLAIN} HOSTID={text}").host_ids == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("", ()), ("SUPERSEDE", ("PHONE_UNIT",)), ('supersede="f1 f2"', ("f1", "f2")), ("SUPERSEDE=f1", ("f1",))]
)
def test_supersede_names_features_or_its_own(text: str, expected: tuple[str, ...]) -> None:
    assert only_line(f"{PLAIN} {text}").supersede == expected


def test_replaces_lists_the_whole_chain_the_direct_one_first() -> None:
    notice = f"<Replaces>{ANCESTOR}</Replaces><Replaces>{OLDEST}</Replaces><MigrationId>m-1</MigrationId><OrderCount>9</OrderCount>"
    line = only_line(f'{PLAIN} NOTICE="{notice}"')
    assert (line.replaces, line.migration_id, line.order_count) == ((ANCESTOR, OLDEST), "m-1", 9)


def test_an_empty_pak_is_none() -> None:
    assert only_line(f'{PLAIN} NOTICE="<PAK></PAK>"').pak is None


OTHER_LINES = {
    "server": ("SERVER h 0015c5f3a1b2", ServerLine("h", "0015c5f3a1b2", None, False, None)),
    "server_in_full": ("server h ANY 27000 primary_is_master HEARTBEAT_INTERVAL=20", ServerLine("h", "ANY", 27000, True, 20)),
    "highest_port": ("SERVER h ANY 65535", ServerLine("h", "ANY", 65535, False, None)),
    "server_host_id_kind": ("SERVER h HOSTNAME=x", ServerLine("h", "HOSTNAME=x", None, False, None)),
    "vendor": ("VENDOR cisco", VendorLine("cisco", None, None, None)),
    "daemon_in_full": ("DAEMON cisco /opt/d /opt/o 27001", VendorLine("cisco", "/opt/d", "/opt/o", 27001)),
    "vendor_named": ('Vendor c "C:\\Program Files\\d" options=/o Port=1', VendorLine("c", "C:\\Program Files\\d", "/o", 1)),
    "vendor_options_without_path": ("VENDOR c OPTIONS=/o", VendorLine("c", None, "/o", None)),
    "vendor_with_equals_in_the_path": ("VENDOR c /opt/a=b", VendorLine("c", "/opt/a=b", None, None)),
    "vendor_with_equals_in_the_options": ("VENDOR c OPTIONS=/opt/a=b", VendorLine("c", None, "/opt/a=b", None)),
    "use_server": ("Use_Server", UseServerLine()),
    "upgrade": ("UPGRADE f v 1.0 2.0 1-jan-2027 5 SN=1", UpgradeLine("f", "v", "1.0", "2.0", date(2027, 1, 1), 5, {"SN": "1"})),
    "package": ('PACKAGE p v 1.0 COMPONENTS="a:1.0 b" SN=1',
        PackageLine("p", "v", "1.0", ("a:1.0", "b"), {"COMPONENTS": "a:1.0 b", "SN": "1"})),
    "package_no_version": ("PACKAGE p v COMPONENTS=a", PackageLine("p", "v", None, ("a",), {"COMPONENTS": "a"})),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), OTHER_LINES.values(), ids=OTHER_LINES.keys())
def test_other_lines_of_the_grammar_are_accepted(text: str, expected: object) -> None:
    assert read(text.encode()) == LicenseText((expected,), ())  # type: ignore[arg-type]


@pytest.mark.parametrize(("text", "expected"), OTHER_LINES.values(), ids=OTHER_LINES.keys())
def test_other_lines_know_where_they_stand(text: str, expected: object) -> None:
    assert [line.first_line for line in read(f"\n# c\n{text}\n{text}".encode()).lines] == [3, 4]


def test_lines_keep_their_order_and_their_number() -> None:
    found = read(f"SERVER h ANY\n\n{PLAIN} \\\n\nnonsense\nUSE_SERVER\n".encode())
    assert [line.first_line for line in found.lines] == [1, 3, 6]
    assert [(fault.line, fault.column) for fault in found.faults] == [(5, 1)]
    assert isinstance(found.lines[1], LicenseLine)


WORDS = [
    "INCREMENT",
    "SERVER",
    "VENDOR",
    "PACKAGE",
    " ",
    "\\\n",
    "\n",
    '"',
    "{",
    "}",
    "AUTH=",
    "<Count>",
    "</Count>",
    "#",
    "=",
    "5",
    "1-jan-0",
    "é",
    "\x00",
]


@settings(max_examples=300)
@given(st.one_of(st.binary(max_size=300), st.lists(st.sampled_from(WORDS), max_size=40).map(lambda words: "".join(words).encode())))
def test_reading_never_raises_and_a_fault_always_says_syntax_at_its_line(data: bytes) -> None:
    found = read(data)
    unreadable = {fault.line for fault in found.faults}
    assert {fault.line for fault in found.faults if fault.code == "syntax"} == unreadable
    assert all(1 <= fault.line <= data.count(b"\n") + 1 and fault.column >= 1 and fault.text for fault in found.faults)


@settings(max_examples=300)
@given(st.lists(st.sampled_from([*WORDS, "A", "b=", "AUTH={", " x=y "]), max_size=30).map(lambda words: "".join(words)))
def test_reading_never_raises_behind_a_good_start(rest: str) -> None:
    found = read(f"{PLAIN} {rest}".encode())
    assert found.faults or found.lines
