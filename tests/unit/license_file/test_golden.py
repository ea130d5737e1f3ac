"""One signed file as it lies in the field, byte for byte: whoever changes the canonical form, the signing or the writing voids it."""

from datetime import date
from pathlib import Path

from shared.license_file.grammar import read
from shared.license_file.lines import UNSIGNED
from shared.license_file.signature import Verification, canonical, key_id_of, sign, verify
from shared.license_file.writing import write_file
from tests.unit.license_file.made import ANCESTOR, KEY, KEYS, made_line

NODES = made_line(
    feature="CCM_NODE", units=15, license_line_id=1, overdraft_units=0, expiry=date(2027, 1, 1), replaces=(ANCESTOR,), order_count=20
)
UNITS = made_line(start=date(2026, 2, 1), issued=date(2026, 1, 31))
FILE = Path(__file__).with_name("golden.lic").read_bytes()
FORM = (
    b"INCREMENT PHONE_UNIT cisco 5.0 permanent uncounted HOSTID=12:0015c5f3a1b2 ISSUED=11:31-jan"
    b"-2026 NOTICE=86:<LicFileID>20260314092653589</LicFileID><LicLineID>2</LicLineID> <PAK>7K2M"
    b"9QX4TB</PAK> OVERDRAFT=3:750 START=10:1-feb-2026 VENDOR_STRING=91:<Count>15000</Count><Ori"
    b"gMacId>0015C5F3A1B2</OrigMacId><LicFileVersion>1.0</LicFileVersion>"
)  # fmt: skip


def test_the_file_of_the_field_is_made_byte_for_byte() -> None:
    assert write_file([sign(NODES, KEY), sign(UNITS, KEY)], "order 4711") == FILE


def test_the_file_of_the_field_still_verifies() -> None:
    lines = read(FILE).license_lines
    assert [verify(line, KEYS) for line in lines] == [Verification.VALID, Verification.VALID]
    assert [line.key_id for line in lines] == ["56475AA75463474C", "56475AA75463474C"] == [key_id_of(KEY.public_key())] * 2


def test_the_canonical_form_is_what_it_always_was() -> None:
    assert canonical(UNITS) == FORM


def test_what_is_worth_what_has_its_word() -> None:
    assert [found.value for found in Verification] == ["valid", "invalid", "unknown_signer"]
    assert "SIGN" in UNSIGNED
