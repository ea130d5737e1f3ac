"""``licensing verify``: what a person at the machine is told, and how the process ends. Nothing runs beside it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.house import ROOT
from tests.unit.license_file.made import KEY, OTHER_KEY
from tests.unit.registration.paper_desk import PaperDesk


def verify(*arguments: object) -> tuple[int, str, str]:
    """How the process ended, what it found, and what it could not do. Without any setting."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LICENSING_")}
    words = [str(ROOT / "licensing"), "verify", *map(str, arguments)]
    ended = subprocess.run(words, cwd=ROOT, env={**kept, "PYTHON": sys.executable}, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout, ended.stderr


def public(folder: Path, key: Ed25519PrivateKey = KEY) -> Path:
    path = folder / "public.pem"
    path.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return path


@pytest.fixture
def desk(tmp_path: Path) -> PaperDesk:
    """Two shares, one re-hosted, one returned and made again; each file and the statement in the folder."""
    desk = PaperDesk()
    first, second = desk.register(15, 150), desk.register(5, 50)
    desk.rehost(first)
    desk.give_back(second)
    desk.register(4, 40)
    for name, data in desk.given():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "statement.txt").write_bytes(desk.signed_statement())
    return desk


def test_all_files_and_a_statement_prove_an_order(desk: PaperDesk, tmp_path: Path) -> None:
    first, second, moved, part = desk.files
    files = sorted(tmp_path.glob("*.lic"))
    code, said, _ = verify(*files, "--key", public(tmp_path), "--statement", tmp_path / "statement.txt", "--on", "2026-04-01")
    held = "150 PHONE_UNIT; signature good"
    assert said.splitlines() == [
        "PAK 7K2M9QX4TB",
        f"  {first} for 0015C5F3A1B2: 15 CCM_NODE, {held}; not valid on 2026-04-01: replaced by {moved}",
        f"    {moved} for 0015C5000002: 15 CCM_NODE, {held}; valid on 2026-04-01",
        f"  {second} for 0015C5F3A1B2: 5 CCM_NODE, 50 PHONE_UNIT; signature good; not valid on 2026-04-01: returned to the order",
        f"    {part} for 0015C5F3A1B2: 4 CCM_NODE, 40 PHONE_UNIT; signature good; valid on 2026-04-01",
        "  CCM_NODE: 19 of the 20 ordered are valid on 2026-04-01; 19 stand in files that nothing voids",
        "  PHONE_UNIT: 190 of the 200 ordered are valid on 2026-04-01; 190 stand in files that nothing voids",
        "  complete: all 4 files that the vendor made of it until 2026-03-16 01:26:53 UTC",
    ]
    assert code == 0


def test_without_a_statement_completeness_is_left_open_and_a_past_day_tells_what_was_valid_then(desk: PaperDesk, tmp_path: Path) -> None:
    first, _, moved, _ = desk.files
    code, said, _ = verify(tmp_path / f"{first}.lic", tmp_path / f"{moved}.lic", "--key", public(tmp_path), "--on", "2026-03-14")
    assert code == 0
    assert "is not proven: give the vendor's --statement" in said
    assert f"{first} for 0015C5F3A1B2: 15 CCM_NODE, 150 PHONE_UNIT; signature good; valid on 2026-03-14; replaced by {moved} later" in said
    assert "not valid on 2026-03-14: made on 2026-03-15 only" in said


def test_a_missing_file_a_changed_one_and_a_strange_one_end_with_1(desk: PaperDesk, tmp_path: Path) -> None:
    first, *_, part = desk.files
    rest = [tmp_path / f"{one}.lic" for one in desk.files if one != part]
    key, statement = ("--key", public(tmp_path)), ("--statement", tmp_path / "statement.txt")
    code, said, _ = verify(*rest, *key, *statement)
    assert (code, f"missing are {part}" in said) == (1, True)
    changed = tmp_path / "changed\x1b[31m.lic"
    changed.write_bytes(desk.contents[part].replace(b"<Count>40<", b"<Count>41<"))
    code, said, _ = verify(*rest, changed, *key)
    assert (code, "changed?[31m.lic: REFUSED, counts for nothing: line" in said, "\x1b" in said) == (1, True, False)
    code, said, _ = verify(*rest, tmp_path / "nowhere.lic", tmp_path, *key)
    assert (code, said.count("REFUSED"), "No such file" in said, "Is a directory" in said) == (1, 2, True, True)
    code, said, _ = verify(tmp_path / f"{first}.lic", *key, "--statement", tmp_path / f"{first}.lic")
    assert (code, "it is no statement" in said) == (1, True)


def test_where_nothing_can_be_verified_it_ends_with_2(desk: PaperDesk, tmp_path: Path) -> None:
    file = tmp_path / f"{next(iter(desk.files))}.lic"
    code, said, reason = verify(file, "--key", public(tmp_path, OTHER_KEY))
    assert (code, "a key that was not given" in said, "Nothing was verified" in reason) == (2, True, True)
    (tmp_path / "lost.revoked").write_bytes(public(tmp_path).read_bytes())
    (tmp_path / "earlier.pub").write_bytes(b"# not-after: 2026-03-13\n" + public(tmp_path).read_bytes())
    code, said, _ = verify(file, "--key", tmp_path / "earlier.pub")
    assert (code, "made on 2026-03-14, a day on which key" in said) == (2, True)
    (tmp_path / "garbage").write_bytes(os.urandom(2000))
    code, _, reason = verify(tmp_path / "garbage", "--key", public(tmp_path))
    assert (code, "Traceback" in reason) == (2, False)
    for arguments, expected in (
        ((file, "--key", file), "is no public key"),
        ((file, "--key", tmp_path / "lost.revoked"), "file of a revoked key"),
        ((file, "--key", tmp_path / "nowhere"), "No such file"),
        ((file,), "--key"),
        ((file, "--key", public(tmp_path), "--on", "yesterday"), "is no day"),
    ):
        code, _, reason = verify(*arguments)
        assert (code, expected in reason, "Traceback" in reason) == (2, True, False)


def test_a_key_that_is_given_twice_must_have_made_files_on_the_same_days(desk: PaperDesk, tmp_path: Path) -> None:
    """Otherwise the last one given would decide, and days that an administrator set would be gone without a word."""
    key, again, limited = public(tmp_path), tmp_path / "again.pub", tmp_path / "limited.pub"
    again.write_bytes(key.read_bytes())
    limited.write_bytes(b"# not-after: 2020-12-31\n" + key.read_bytes())
    file = tmp_path / desk.given()[0][0]
    assert verify(file, "--key", key, "--key", again)[0] == 0
    for first, second in ((limited, key), (key, limited)):
        code, said, error = verify(file, "--key", first, "--key", second)
        assert (code, said) == (2, "")
        assert error == f"Nothing was verified: {second} holds the key of {first} with other days of validity; leave one of them out\n"
