"""The vendor's keys in the folder: rotated, put away, lost."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.service.licensefile.conftest import Desk, codes
from tests.unit.licensefile.made import KEY, OTHER_ID, STRANGER, made_file

NEXT = STRANGER
"""The key that follows KEY."""


def put(keys: Path, name: str, key: Ed25519PrivateKey, *said: str) -> Path:
    """A key's file with these statements."""
    file = keys / name
    file.write_text("".join(f"# {each}\n" for each in said) + key.public_key().public_bytes_raw().hex())
    return file


async def test_a_rotated_key_keeps_verifying_what_it_made_in_its_time(desk: Desk, keys: Path) -> None:
    put(keys, "vendor.pub", KEY, "not-after: 2026-03-14")
    put(keys, "next.pub", NEXT, "not-before: 2026-03-15")
    made_later = "20260315000000000"
    assert codes(await desk.upload(made_file(license_file_id=made_later))) == {"key_not_valid"}
    assert codes(await desk.upload(made_file(license_file_id=OTHER_ID, key=NEXT))) == {"key_not_valid"}
    assert (await desk.upload(made_file(license_file_id="20260314235959999"))).status_code == 201
    assert (await desk.upload(made_file(license_file_id=made_later, key=NEXT))).status_code == 201


async def test_a_changed_line_is_told_as_changed_also_outside_the_keys_days(desk: Desk, keys: Path) -> None:
    put(keys, "vendor.pub", KEY, "not-after: 2026-03-13")
    changed = made_file().replace(b"<Count>1000<", b"<Count>9000<")
    reasons = (await desk.verify(changed)).json()["reasons"]
    assert [reason["code"] for reason in reasons] == ["key_not_valid", "signature_invalid"]


async def test_a_file_without_an_instant_is_of_no_day(desk: Desk, keys: Path) -> None:
    no_instant = made_file(license_file_id="20261399000000000")
    assert (await desk.verify(no_instant)).json()["verdict"] == "accepted"
    put(keys, "vendor.pub", KEY, "not-after: 9999-12-31")
    assert codes(await desk.upload(no_instant)) == {"key_not_valid"}


async def test_one_key_in_two_files_with_other_days_is_no_key(desk: Desk, keys: Path) -> None:
    put(keys, "again.pub", KEY)
    assert (await desk.verify(made_file())).json()["verdict"] == "accepted"
    put(keys, "again.pub", KEY, "not-after: 2030-12-31")
    refused = await desk.upload(made_file())
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:licensing:problem:trusted-keys-unusable")
    assert "'again.pub'" in refused.json()["detail"]
