"""A signature survives every respelling and no change of meaning."""

import re
from dataclasses import replace
from datetime import date
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.license_file.grammar import read
from shared.license_file.lines import UNSIGNED, LicenseLine
from shared.license_file.signature import Verification, canonical, key_id_of, sign, verify
from shared.license_file.writing import write_file, write_line
from tests.unit.license_file.made import ANCESTOR, FILE_ID, KEY, KEYS, OTHER_KEY, made_line, only_line

SIGNED: Final = sign(made_line(expiry=date(2027, 1, 1), order_count=20000, replaces=(ANCESTOR,)), KEY)
TEXT: Final = write_line(SIGNED)


def verdict(text: str | bytes) -> Verification:
    return verify(only_line(text), KEYS)


def test_a_signed_line_is_valid_under_the_key_it_names() -> None:
    assert verdict(TEXT) is Verification.VALID
    assert SIGNED.key_id == key_id_of(KEY.public_key())
    assert re.fullmatch("[0-9A-F]{16}", key_id_of(KEY.public_key()))


RESPELLED = {
    "crlf": TEXT.replace("\n", "\r\n"),
    "one_line": TEXT.replace("\\\n", ""),
    "a_break_at_every_blank": TEXT.replace("\\\n", "").replace(" ", " \\\n\t"),
    "a_break_behind_every_character": "\\\n".join(TEXT.replace("\\\n", "")),
    "more_blanks": TEXT.replace(" ", "  \t"),
    "keyword_case": TEXT.replace("INCREMENT", "increment"),
    "attribute_name_case": re.sub(r"\b(VENDOR_STRING|HOSTID|NOTICE|SIGN|OVERDRAFT)=", lambda found: found[0].lower(), TEXT),
    "month_case": TEXT.replace("-jan-", "-JAN-"),
    "leading_zero_of_the_day": TEXT.replace(" 1-jan-", " 01-jan-"),
    "zero_for_uncounted": TEXT.replace(" uncounted", " 0"),
    "quoted_vendor_string": re.sub(r"VENDOR_STRING=(\S+)", r'VENDOR_STRING="\1"', TEXT),
    "order_of_attributes": TEXT.replace("HOSTID=0015c5f3a1b2 ", "").replace("\\\nVENDOR", "HOSTID=0015c5f3a1b2 \\\nVENDOR"),
    "comments": f"# mine\n{TEXT} # and yours",
    "signature_in_lower_case": TEXT.replace(SIGNED.attributes["SIGN"][:4], SIGNED.attributes["SIGN"][:4].lower()),
    "signature_not_grouped": re.sub('SIGN="[^"]*"', f'SIGN={SIGNED.attributes["SIGN"].replace(" ", "")}', TEXT),
    **{f"unsigned_{name}": f"{TEXT} {name}=anything" for name in ("asset_info", "DIST_INFO", "User_Info", "vendor_info", "sort")},
}  # fmt: skip


@pytest.mark.parametrize("text", RESPELLED.values(), ids=RESPELLED.keys())
def test_respelling_keeps_the_signature(text: str) -> None:
    assert text != TEXT
    assert verdict(text) is Verification.VALID
    assert canonical(only_line(text)) == canonical(SIGNED)


CHANGED = {
    "keyword": TEXT.replace("INCREMENT", "FEATURE"),
    "feature_case": TEXT.replace("PHONE_UNIT", "phone_UNIT"),
    "vendor_case": TEXT.replace("cisco", "Cisco"),
    "version": TEXT.replace(" 5.0 ", " 5.1 "),
    "version_leading_zero": TEXT.replace(" 5.0 ", " 05.0 "),
    "expiry": TEXT.replace("1-jan-2027", "1-jan-2028"),
    "never_instead_of_a_day": TEXT.replace("1-jan-2027", "permanent"),
    "count": TEXT.replace(" uncounted", " 15000"),
    "inner_count": TEXT.replace("15000", "15001"),
    "host_id_case": TEXT.replace("HOSTID=0015c5f3a1b2", "HOSTID=0015C5f3a1b2"),
    "host_id_added": TEXT.replace("HOSTID=0015c5f3a1b2", 'HOSTID="0015c5f3a1b2 ANY"'),
    "host_id_removed": TEXT.replace("HOSTID=0015c5f3a1b2 ", ""),
    "overdraft": TEXT.replace("OVERDRAFT=750", "OVERDRAFT=751"),
    "overdraft_removed": TEXT.replace(" OVERDRAFT=750", ""),
    "file_id": TEXT.replace(FILE_ID, "20260314092653580"),
    "replaces_removed": re.sub("<Replaces>.*</Replaces>", "", TEXT),
    "order_count": TEXT.replace("20000", "20001"),
    "second_signature_added": f"{TEXT} SIGN2=AB",
    "unknown_attribute_added": f"{TEXT} WHATEVER=1",
    "start_added": f"{TEXT} START=1-jan-2026",
    "element_case": TEXT.replace("PAK>", "Pak>"),
    "blank_removed_from_a_value": TEXT.replace("</LicLineID> \\\n", "</LicLineID>\\\n"),
    "signature_missing": re.sub(r' SIGN="[^"]*"', "", TEXT),
    "signature_empty": re.sub(r'SIGN="[^"]*"', 'SIGN=""', TEXT),
    "signature_too_short": TEXT.removesuffix('"')[:-1] + '"',
    "signature_too_long": TEXT.removesuffix('"') + '0"',
    "signature_no_digits": re.sub(r'SIGN="....', 'SIGN="ZZZZ', TEXT),
    "signature_of_another_line": TEXT.replace(
        TEXT.partition('SIGN="')[2], sign(made_line(units=1), KEY).attributes["SIGN"] + '"'
    ),
}  # fmt: skip


@pytest.mark.parametrize("text", CHANGED.values(), ids=CHANGED.keys())
def test_a_change_breaks_the_signature(text: str) -> None:
    assert text != TEXT
    assert verdict(text) is Verification.INVALID


UNKNOWN = {
    "another_key": write_line(sign(made_line(), OTHER_KEY)),
    "no_key_named": write_line(made_line()),
    "no_key_named_but_signed": f'{write_line(made_line())} SIGN="{SIGNED.attributes["SIGN"]}"',
    "key_id_in_other_case": TEXT.replace(key_id_of(KEY.public_key()), key_id_of(KEY.public_key()).lower()),
}


@pytest.mark.parametrize("text", UNKNOWN.values(), ids=UNKNOWN.keys())
def test_a_line_that_names_no_key_of_ours_has_an_unknown_signer(text: str) -> None:
    assert verdict(text) is Verification.UNKNOWN_SIGNER


def test_a_key_that_poses_as_another_is_invalid() -> None:
    assert verify(SIGNED, {key_id_of(KEY.public_key()): OTHER_KEY.public_key()}) is Verification.INVALID


def test_a_line_that_names_another_key_is_not_signed() -> None:
    one, other = key_id_of(KEY.public_key()), key_id_of(OTHER_KEY.public_key())
    wanted = f"the line names key {one}, but the key at hand is {other}; leave <KeyId> out to sign with it"
    with pytest.raises(ValueError, match=f"^{wanted}$"):
        sign(SIGNED, OTHER_KEY)


def test_a_line_without_a_vendor_string_gets_one_for_its_key() -> None:
    bare = LicenseLine("INCREMENT", "f", "v", "1.0", None, 5, {"HOSTID": "ANY"})
    assert sign(bare, KEY).attributes["VENDOR_STRING"] == f"<KeyId>{key_id_of(KEY.public_key())}</KeyId>"
    assert verify(sign(bare, KEY), KEYS) is Verification.VALID


def test_a_ring_that_holds_a_key_without_a_name_does_not_trust_lines_without_one() -> None:
    unnamed = made_line()
    digits = KEY.sign(canonical(unnamed)).hex()
    signed = replace(unnamed, attributes={**unnamed.attributes, "SIGN": digits})
    assert verify(signed, {None: KEY.public_key(), "": KEY.public_key()}) is Verification.UNKNOWN_SIGNER  # type: ignore[dict-item]


def test_signing_again_with_the_same_key_changes_nothing() -> None:
    assert sign(SIGNED, KEY) == SIGNED


def test_exactly_the_five_names_and_the_signature_itself_are_unsigned() -> None:
    assert {"ASSET_INFO", "DIST_INFO", "USER_INFO", "VENDOR_INFO", "SORT", "SIGN"} == UNSIGNED


VALUE = st.text(st.sampled_from("aA =5:<>\\é"), max_size=6)
NAMES = st.sampled_from(["A", "AA", "SIGN2", "SORT"])
SMALL_LINES = st.builds(
    LicenseLine, st.sampled_from(["INCREMENT", "FEATURE"]), st.sampled_from(["f", "F", "f5"]), st.just("v"), st.sampled_from(["5", "5.0"]),
    st.sampled_from([None, date(2027, 1, 1)]), st.sampled_from([None, 5, 50]), st.dictionaries(NAMES, VALUE, max_size=3),
)  # fmt: skip


def meaning(line: LicenseLine) -> LicenseLine:
    return replace(line, attributes={name: value for name, value in line.attributes.items() if name not in UNSIGNED})


@settings(max_examples=400)
@given(SMALL_LINES, SMALL_LINES)
def test_two_lines_share_a_canonical_form_exactly_when_they_mean_the_same(one: LicenseLine, other: LicenseLine) -> None:
    assert (canonical(one) == canonical(other)) == (meaning(one) == meaning(other))


def test_values_that_imitate_attributes_do_not_share_a_canonical_form() -> None:
    one = replace(made_line(), attributes={"A": "1 B=1:2"})
    other = replace(made_line(), attributes={"A": "1", "B": "2"})
    assert canonical(one) != canonical(other)


def tolerated_flips(data: bytes) -> set[tuple[int, int]]:
    """(byte, bit) that may flip unpunished: case of keywords, names, months and hex digits of SIGN, and anything in the comment."""
    case_blind = re.compile(rb"INCREMENT|permanent|uncounted|(?<=-)jan(?=-)|\b[A-Z_]+(?==)|(?<=SIGN=\")[^\"]*")
    spots = {
        (at, 5) for match in case_blind.finditer(data) for at in range(*match.span()) if chr(data[at]).isalpha()
    }  # fmt: skip
    return spots | {(at, bit) for at in range(data.index(b"\n")) for bit in range(8)}


def test_one_flipped_bit_anywhere_else_in_a_signed_file_always_shows() -> None:
    data = write_file([SIGNED, sign(made_line(feature="Zürich", license_line_id=3), KEY)], "x")
    expected = {canonical(line) for line in read(data).license_lines}
    survived = set()
    for at in range(len(data)):
        for bit in range(8):
            flipped = bytearray(data)
            flipped[at] ^= 1 << bit
            valid = [canonical(line) for line in read(bytes(flipped)).license_lines if verify(line, KEYS) is Verification.VALID]
            assert expected.issuperset(valid), f"bit {bit} of byte {at} changed the meaning of a line that still verifies"
            if len(valid) == 2:
                survived.add((at, bit))
    # A flipped `#` spoils its own line only, and a comment may not swallow the line break behind it.
    assert survived - tolerated_flips(data) == set()
    assert {(at, 5) for at, bit in tolerated_flips(data) if bit == 5 and at > data.index(b"\n")} <= survived
