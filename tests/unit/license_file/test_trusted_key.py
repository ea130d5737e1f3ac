"""A vendor's public key in its file, and what the file says of it."""

from datetime import UTC, date, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared.license_file.trusted_key import LONGEST_REASON, KeyFile, Validity, key_file_in, key_in, made_at

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key()
PEM = KEY.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
HEX = KEY.public_bytes_raw().hex().encode()
DAY, LAST = date(2026, 1, 1), date(2027, 12, 31)


@pytest.mark.parametrize("key", [PEM, HEX, HEX.upper() + b"\r\n", b"\n" + PEM.replace(b"\n", b"\r\n")])
def test_a_key_is_read_as_pem_or_hexadecimal_with_or_without_what_is_said_of_it(key: bytes) -> None:
    said = b"# not-before: 2026-01-01\r\n#NOT-AFTER:2027-12-31\n# comment: from Bob\n# comment: and again\n"
    assert key_in(key) == key_in(said + key) == KEY
    assert key_file_in(key, revoked=False).validity == Validity()
    assert key_file_in(said + key, revoked=False).validity == Validity(DAY, LAST)


def test_a_copy_of_a_trusted_keys_file_revokes_it_and_may_say_why() -> None:
    said = b"# not-after: 2027-12-31\n# revoked-on: 2026-01-01\n# reason: stolen from M\xc3\xbcnchen\n"
    found = key_file_in(said + PEM, revoked=True)
    assert (found.validity, found.revoked_on, found.reason) == (Validity(None, LAST), DAY, "stolen from München")
    assert key_file_in(PEM, revoked=True) == KeyFile(found.key)


WRONG: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "32 bytes"),
    "statements_alone": (b"# not-after: 2027-12-31\n", "32 bytes"),
    "text": (b"no key", "hexadecimal"),
    "too_short": (HEX[:-2], "32 bytes"),
    "another_kind": (generate_private_key(SECP256R1()).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), "kind"),
    "misspelt": (b"# notafter: 2027-12-31\n" + PEM, "'notafter' is not"),
    "remark": (b"# the vendor's key\n" + PEM, "is not"),
    "no_day": (b"# not-after: 31.12.2027\n" + PEM, "YYYY-MM-DD, not '31.12.2027'"),
    "no_such_day": (b"# not-after: 2027-02-30\n" + PEM, "YYYY-MM-DD"),
    "twice": (b"# not-after: 2027-12-31\n# not-after: 2028-12-31\n" + PEM, "said twice"),
    "ends_before_it_begins": (b"# not-before: 2027-12-31\n# not-after: 2027-12-30\n" + PEM, "before not-before"),
    "revoked_by_a_wrong_name": (b"# revoked-on: 2026-01-01\n" + PEM, r"only a file named \*\.revoked revokes a key"),
    "behind_the_key": (PEM + b"# not-after: 2027-12-31\n", "stands before it"),
    "two_keys": (PEM + PEM, "stands before it"),
    "not_utf8": (b"# comment: \xff\n" + PEM, "utf-8"),
}


@pytest.mark.parametrize(("text", "why"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_with_a_key_file_is_said(text: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        key_file_in(text, revoked=False)


@pytest.mark.parametrize("reason", [b"", b"x" * (LONGEST_REASON + 1), b"a\x1bb"])
def test_a_reason_can_be_shown(reason: bytes) -> None:
    with pytest.raises(ValueError, match="printable"):
        key_file_in(b"# reason: " + reason + b"\n" + PEM, revoked=True)


def test_both_days_of_a_validity_are_in_it_and_a_missing_one_is_open() -> None:
    validity = Validity(DAY, LAST)
    days = [date(2025, 12, 31), DAY, date(2027, 1, 1), LAST, date(2028, 1, 1)]
    assert [validity.covers(day) for day in days] == [False, True, True, True, False]
    assert [Validity(DAY).covers(day) for day in days] == [False, True, True, True, True]
    assert [Validity(None, LAST).covers(day) for day in days] == [True, True, True, True, False]
    assert (Validity().is_open, Validity(DAY).is_open, Validity(None, LAST).is_open) == (True, False, False)


@pytest.mark.parametrize(
    ("license_file_id", "instant"),
    [
        ("20260314092653589", datetime(2026, 3, 14, 9, 26, 53, 589_000, tzinfo=UTC)),
        ("20261231235959999", datetime(2026, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)),
        ("20261314092653589", None),
        ("20260314092660589", None),
        ("00000000000000000", None),
        ("", None),
    ],
)
def test_a_license_files_id_is_the_instant_at_which_it_was_made(license_file_id: str, instant: datetime | None) -> None:
    assert made_at(license_file_id) == instant
