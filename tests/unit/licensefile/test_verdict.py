"""Every code of the public vocabulary, each rule of acceptance, and all reasons at once."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from services.licensefile.domain.cluster import Cluster
from services.licensefile.domain.history import Known, Record
from services.licensefile.domain.lines import file_lines
from services.licensefile.domain.reasons import MOST_REASONS_SHOWN, refused
from services.licensefile.domain.standing import mismatch_of
from services.licensefile.domain.verdict import judge
from shared.license_file.writing import write_file
from tests.unit.licensefile.made import (
    FILE_ID,
    FOREIGN_MAC,
    HEADQUARTERS,
    MAC,
    OTHER_ID,
    OTHER_MAC,
    RETIRED,
    REVOKED,
    STRANGER,
    made_file,
    made_line,
    offered,
    rebuilt,
    with_attributes,
)

TODAY = date(2026, 3, 14)
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
GOOD = made_file()
DIGEST = offered(GOOD).digest
WITHOUT_KEY_ID = rebuilt(made_line(), attributes={**made_line().attributes, "VENDOR_STRING": "<Count>5</Count>"})
INSTALLED = Record("headquarters", "installed", DIGEST)


def codes(content: bytes, name: str = "a.lic", cluster: Cluster = HEADQUARTERS, known: Known | None = None) -> set[str]:
    history = {FILE_ID: known} if known else {}
    return {reason.code for reason in judge(offered(content, name), cluster, history, TODAY)}


def at(version: str) -> Cluster:
    return replace(HEADQUARTERS, product_version=version)


def test_nothing_is_known_of_a_file_unless_it_is_said() -> None:
    assert Known() == Known(record=None, superseded_by=None)


def test_a_good_file_has_no_reason_against_it() -> None:
    assert judge(offered(GOOD), HEADQUARTERS, {}, TODAY) == ()


FILES: dict[str, tuple[bytes, set[str]]] = {
    "nothing": (b"", {"empty_file"}),
    "blanks": (b" \r\n\t\n", {"empty_file"}),
    "byte_order_mark": (b"\xef\xbb\xbf\n", {"empty_file"}),
    "comments": (b"# order 4711\n", {"no_license_line"}),
    "server_only": (b"SERVER h ANY\n", {"no_license_line"}),
    "letter": (b"Dear customer\n", {"syntax", "no_license_line"}),
    "binary": (bytes(range(256)) * 20, {"syntax", "no_license_line"}),
    "broken_line_beside": (GOOD + b"INCREMENT x\n", {"syntax"}),
    "only_a_broken_line": (b"INCREMENT PHONE_UNIT cisco 5.0 permanent\n", {"syntax"}),
    "only_a_broken_feature_line": (b" \tfeature x\n", {"syntax"}),
    "a_letter_in_front_of_a_keyword": (b"X INCREMENT\n", {"syntax", "no_license_line"}),
    "a_no_break_space_in_front_of_a_keyword": ("\u00a0INCREMENT x\n".encode(), {"syntax", "no_license_line"}),
    "server_line": (GOOD + b"SERVER h\n", {"syntax", "invalid_server_line"}),
    "vendor_line": (GOOD + b"VENDOR\n", {"syntax", "invalid_vendor_line"}),
    "count": (GOOD + b"INCREMENT PHONE_UNIT cisco 5.0 permanent many\n", {"syntax", "invalid_count"}),
    "date": (GOOD + b"INCREMENT PHONE_UNIT cisco 5.0 30-feb-2027 1\n", {"syntax", "invalid_date"}),
    "no_count_at_all": (
        made_file(with_attributes(made_line(), {"VENDOR_STRING": "<LicFileVersion>1.0</LicFileVersion>"})),
        {"invalid_count"},
    ),
    "other_vendor": (made_file(made_line(vendor="acme")), {"other_vendor"}),
    "unknown_feature": (made_file(made_line(feature="TELEPORT")), {"unknown_feature"}),
    "line_twice": (made_file(made_line(), made_line()), {"duplicate_line"}),
    "line_id_twice": (made_file(made_line(1), made_line(1, units=5)), {"duplicate_line"}),
    "changed": (GOOD.replace(b"<Count>1000<", b"<Count>9000<"), {"signature_invalid"}),
    "moved_to_our_mac": (made_file(mac=FOREIGN_MAC).replace(FOREIGN_MAC.lower().encode(), MAC.lower().encode()), {"signature_invalid"}),
    "stranger": (made_file(key=STRANGER), {"unknown_signer"}),
    "no_key_id": (made_file(WITHOUT_KEY_ID), {"unknown_signer"}),
    "revoked": (made_file(key=REVOKED), {"key_revoked"}),
    "retired_key": (made_file(key=RETIRED), {"key_not_valid"}),
    "other_host": (made_file(mac=FOREIGN_MAC), {"not_this_host"}),
    "one_line_of_another_host": (made_file(made_line(1), made_line(2, mac=FOREIGN_MAC)), {"not_this_host"}),
    "any_host": (made_file(with_attributes(made_line(), {"HOSTID": "ANY"})), {"not_this_host"}),
    "demo_host": (made_file(with_attributes(made_line(), {"HOSTID": "DEMO"})), {"not_this_host"}),
    "no_host": (made_file(with_attributes(made_line(), {"HOSTID": None})), {"not_this_host"}),
    "several_hosts": (made_file(with_attributes(made_line(), {"HOSTID": f"{FOREIGN_MAC} 00:15:c5:f3:a1:b3"})), set()),
    "second_node": (made_file(mac=OTHER_MAC), set()),
    "too_low": (made_file(version="4.2"), {"version_too_low"}),
    "expired": (made_file(expiry=YESTERDAY), {"expired"}),
    "last_day": (made_file(expiry=TODAY), set()),
    "last_day_of_all": (made_file(expiry=date.max), set()),
    "not_yet": (made_file(start=TOMORROW), {"not_yet_valid"}),
    "first_day": (made_file(start=TODAY), set()),
    "two_ids": (made_file(made_line(1), made_line(2, license_file_id=OTHER_ID)), {"tampered"}),
    "no_ids": (made_file(with_attributes(made_line(), {"NOTICE": None})), {"tampered"}),
    "other_lines_of_the_grammar": (b"SERVER h ANY 27000\nVENDOR cisco\nUSE_SERVER\nUPGRADE f v 1.0 2.0 permanent 1\n" + GOOD, set()),
    "crlf": (GOOD.replace(b"\n", b"\r\n"), set()),
    "latin_comment": (b"# M\xfcnchen\n" + GOOD, set()),
}  # fmt: skip


@pytest.mark.parametrize(("content", "wanted"), FILES.values(), ids=FILES.keys())
def test_each_fault_of_a_file_has_its_code(content: bytes, wanted: set[str]) -> None:
    assert codes(content) == wanted


NAMES: dict[str, tuple[str, set[str]]] = {
    "text": ("a.txt", {"invalid_extension"}),
    "none": ("", {"invalid_extension", "invalid_file_name"}),
    "upper_case": ("A.LIC", set()),
    "every_letter": ("ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789 _-+,;=!.lic", set()),
    "longest": ("a" * 124 + ".lic", set()),
    "too_long": ("a" * 296 + ".lic", {"invalid_file_name"}),
    "folder": ("../a.lic", {"invalid_file_name"}),
    "windows_folder": ("C:\\a.lic", {"invalid_file_name"}),
    "control_character": ("a\x00.lic", {"invalid_file_name"}),
    "line_break": ("a\n.lic", {"invalid_file_name"}),
    "blank_before": (" a.lic", {"invalid_file_name"}),
    "other_letters": ("Zürich 東京.lic", set()),
}


@pytest.mark.parametrize(("name", "wanted"), NAMES.values(), ids=NAMES.keys())
def test_each_fault_of_a_name_has_its_code(name: str, wanted: set[str]) -> None:
    assert codes(GOOD, name) == wanted
    shown = offered(GOOD, name).shown_name
    assert len(shown) <= 128
    assert shown.isprintable()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a b.lic", "a b.lic"),
        ("a\x00\u202eb.lic", "a��b.lic"),
        ("a" * 128, "a" * 128),
        ("a" * 129, "a" * 127 + "…"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_name_is_shown_without_what_cannot_be_printed_and_not_too_long(name: str, shown: str) -> None:
    assert offered(GOOD, name).shown_name == shown


HISTORY: dict[str, tuple[Known, set[str]]] = {
    "installed": (Known(INSTALLED), {"already_installed"}),
    "mismatched": (Known(replace(INSTALLED, state="host_mismatch")), {"already_installed"}),
    "expired": (Known(replace(INSTALLED, state="expired")), {"already_installed"}),
    "grace_exceeded": (Known(replace(INSTALLED, state="grace_exceeded")), {"already_installed"}),
    "key_revoked": (Known(replace(INSTALLED, state="key_revoked")), {"already_installed"}),
    "other_content": (Known(replace(INSTALLED, digest="another")), {"tampered"}),
    "retired": (Known(replace(INSTALLED, state="retired")), {"retired"}),
    "retired_elsewhere": (Known(Record("branch", "retired", DIGEST)), {"retired"}),
    "retired_other_content": (Known(replace(INSTALLED, state="retired", digest="another")), {"retired", "tampered"}),
    "superseded": (Known(replace(INSTALLED, state="superseded"), OTHER_ID), {"superseded"}),
    "superseded_unseen": (Known(None, OTHER_ID), {"superseded"}),
    "superseded_after_it_was_retired": (Known(replace(INSTALLED, state="retired"), OTHER_ID), {"superseded", "retired"}),
    "superseded_elsewhere": (Known(Record("branch", "superseded", DIGEST), OTHER_ID), {"superseded"}),
    "elsewhere": (Known(Record("branch", "installed", DIGEST)), {"license_in_use"}),
    "elsewhere_other_content": (Known(Record("branch", "installed", "another")), {"license_in_use", "tampered"}),
}


@pytest.mark.parametrize(("known", "wanted"), HISTORY.values(), ids=HISTORY.keys())
def test_a_license_file_id_is_used_once(known: Known, wanted: set[str]) -> None:
    assert codes(GOOD, known=known) == wanted


def test_a_file_whose_line_breaks_or_comments_changed_is_the_same_file() -> None:
    changed = b"# by mail\r\n" + GOOD.replace(b"\n", b"\r\n")
    assert codes(changed, known=Known(INSTALLED)) == {"already_installed"}


def test_a_file_that_only_the_ledger_knows_is_not_granted_twice() -> None:
    assert codes(GOOD, cluster=replace(HEADQUARTERS, license_file_ids=frozenset({FILE_ID}))) == {"already_installed"}


VERSIONS = [
    ("5.0", "PHONE_UNIT", "5.1", set()),
    ("5.9", "PHONE_UNIT", "5.0", set()),
    ("4.2", "CCM_NODE", "5.0", set()),
    ("5.0", "CCM_NODE", "4.9", {"version_too_low"}),
    ("5.0", "SW_FEATURE", "4.0", {"version_too_low"}),
    ("6.0", "PHONE_UNIT", "5.0", set()),
    ("9.1", "CCM_NODE", "5.0", set()),
    ("6.0", "PHONE_UNIT", "4.0", {"version_too_low"}),
    ("6.1", "SW_FEATURE", "6.0", set()),
    ("6.0", "SW_FEATURE", "5.0", {"version_too_low"}),
    ("10.0", "SW_FEATURE", "9.0", {"version_too_low"}),
    ("10.0", "SW_FEATURE", "11.0", set()),
]


@pytest.mark.parametrize(("product", "feature", "version", "wanted"), VERSIONS)
def test_only_majors_are_compared_and_from_6_on_only_the_software_license_follows(
    product: str, feature: str, version: str, wanted: set[str]
) -> None:
    assert codes(made_file(made_line(feature=feature, version=version)), cluster=at(product)) == wanted


def test_a_file_that_may_stay_on_a_raised_cluster_may_come_back_to_it_rehosted() -> None:
    """Units beside an older software license stand at every later major; their re-host must not be refused, or a new server loses them."""
    lines = (made_line(1), made_line(2, feature="SW_FEATURE", version="6.0", units=1, overdraft_units=0))
    for product in ("6.1", "7.0", "12.5"):
        assert codes(made_file(*lines), cluster=at(product)) == set()
        assert mismatch_of(MAC, file_lines(lines), at(product)) is None
    older = (made_line(1, version="4.0"), lines[1])
    assert codes(made_file(*older), cluster=at("7.0")) == {"version_too_low"}
    assert codes(made_file(made_line(1), made_line(2, feature="SW_FEATURE", version="4.0")), cluster=at("5.0")) == {"version_too_low"}


def test_all_reasons_are_told_at_once_each_with_its_line() -> None:
    lines = [
        made_line(1, key=STRANGER, vendor="acme", feature="TELEPORT", version="4.0", mac=FOREIGN_MAC, expiry=YESTERDAY),
        made_line(2, start=TOMORROW, license_file_id=OTHER_ID),
    ]
    content = write_file([*lines, lines[1]]) + b"SERVER h\n"
    known = {FILE_ID: Known(Record("branch", "installed", "another"), OTHER_ID)}
    reasons = judge(offered(content, "a/b.txt"), HEADQUARTERS, known, TODAY)
    of_file = ["invalid_extension", "invalid_file_name", "tampered", "superseded", "tampered", "license_in_use"]
    of_first = ["other_vendor", "unknown_feature", "unknown_signer", "not_this_host", "version_too_low", "expired"]
    assert [r.code for r in reasons if r.line is None] == of_file
    assert [r.code for r in reasons if r.line == 1] == of_first
    positions = [line.position for line in offered(content).lines]
    assert [r.code for r in reasons if r.line == positions[1]] == ["not_yet_valid"]
    assert [r.code for r in reasons if r.line == positions[2]] == ["not_yet_valid", "duplicate_line"]
    assert {r.code for r in reasons if (r.line or 0) > positions[2]} == {"syntax", "invalid_server_line"}
    assert all(reason.text.endswith((".", "?")) and reason.text.isprintable() for reason in reasons)


def test_a_reason_says_the_numbers_and_what_to_do() -> None:
    (reason,) = {r.text for r in judge(offered(made_file(made_line(mac=FOREIGN_MAC))), HEADQUARTERS, {}, TODAY)}
    assert FOREIGN_MAC in reason
    assert MAC in reason
    assert "re-hosted" in reason


LONG = "A" * 5000
HOSTILE = {
    "key_id": f"INCREMENT PHONE_UNIT cisco 5.0 permanent 1 NOTICE=<KeyId>{LONG}</KeyId>",
    "key_id_turns_the_text_around": "INCREMENT PHONE_UNIT cisco 5.0 permanent 1 NOTICE=<KeyId>\u202eA</KeyId>",
    "host_id_breaks_the_line": "INCREMENT PHONE_UNIT cisco 5.0 permanent 1 HOSTID=\u2028x",
    "host_ids": f'INCREMENT PHONE_UNIT cisco 5.0 permanent 1 HOSTID="{LONG} {LONG}"',
    "attribute_twice": f"INCREMENT PHONE_UNIT cisco 5.0 permanent 1 {LONG} {LONG}",
    "attribute_without_value": f"INCREMENT PHONE_UNIT cisco 5.0 permanent 1 {LONG}= ",
    "feature": f"INCREMENT {LONG} cisco 5.0 permanent 1",
    "element": f"INCREMENT PHONE_UNIT cisco 5.0 permanent 1 NOTICE=<LicFileID>{LONG}</LicFileID>",
    "keyword": f"{LONG} x",
    "server": f"SERVER h ANY {LONG}",
    "vendor": f"VENDOR h a b {LONG}",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_reason_quotes_a_hostile_file_briefly_and_printably(text: str) -> None:
    for reason in judge(offered(text.encode()), HEADQUARTERS, {}, TODAY):
        assert len(reason.text) <= 500
        assert reason.text.isprintable()


def test_at_most_a_hundred_reasons_are_shown_and_all_are_counted() -> None:
    reasons = judge(offered(b"nonsense\n" * 250), HEADQUARTERS, {}, TODAY)
    refusal = refused("a.lic", reasons)
    assert (len(refusal.reasons), refusal.reasons_total) == (MOST_REASONS_SHOWN, 251)
    assert "251 reasons in all" in str(refusal)


def test_every_code_of_the_vocabulary_occurs_in_these_tables() -> None:
    vocabulary = {
        "syntax", "invalid_server_line", "invalid_vendor_line", "invalid_count", "invalid_date", "empty_file", "invalid_extension",
        "invalid_file_name", "no_license_line", "other_vendor", "duplicate_line", "signature_invalid", "unknown_signer", "key_revoked",
        "not_this_host", "version_too_low", "expired", "not_yet_valid", "already_installed", "tampered", "superseded", "retired",
        "license_in_use", "unknown_feature", "key_not_valid",
    }  # fmt: skip
    tables = [wanted for table in (FILES, NAMES, HISTORY) for _, wanted in table.values()]
    assert set().union(*tables) == vocabulary
