"""``licensing journal verify``: what a person at the machine is told, and how the process ends."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared.license_file.composing import license_line
from shared.license_file.signature import sign
from shared.license_file.writing import write_file
from tests.house import ROOT
from tests.service.ledger.conftest import MAC, LedgerUnderTest, file_id
from tests.service.ledger.test_journal import by_force, verified


async def verify(url: str, *arguments: object) -> tuple[int | None, str]:
    """How the process ended, and all that it said."""
    words = [ROOT / "licensing", "journal", "verify", *map(str, arguments)]
    pipe, environment = asyncio.subprocess.PIPE, {**os.environ, "LICENSING_DATABASE_URL": url, "PYTHON": sys.executable}
    process = await asyncio.create_subprocess_exec(*words, cwd=ROOT, env=environment, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def test_every_journal_is_verified_and_the_first_fault_ends_with_1(ledger: LedgerUnderTest, database_url: str) -> None:
    await ledger.put_cluster("branch")
    await ledger.put("a", "phone-4")
    noted = await verified(ledger)
    entries, head = noted["entries"], noted["head"]
    code, said = await verify(database_url)
    assert (code, said.splitlines()[1]) == (0, f"hq: intact, {entries} entries, head {head}")
    assert said.startswith("branch: intact, ")
    await by_force(ledger, f"UPDATE journal_entry SET caller = 'x' WHERE cluster = 'hq' AND sequence = {entries}")
    code, said = await verify(database_url, "--cluster", "hq", "--expected-head", head)
    assert (code, said) == (
        1,
        f"hq: FAULT at entry {entries}: its content is not what its hash was made of, or the entry before it is another\n",
    )
    code, said = await verify(database_url)
    assert (code, [line.partition(":")[0] for line in said.splitlines()]) == (1, ["branch", "hq"])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--cluster", "nobody"), "nobody"),
        (("--cluster", "hq", "--expected-head", "1:2"), "is no head of a journal"),
        (("--expected-head", "1:2"), "needs --cluster"),
        (("--license-file", "x.lic"), "go together"),
        (("--license-file", "x.lic", "--public-key", "x.pem"), "x.pem: No such file"),
    ],
)
async def test_what_cannot_be_verified_ends_with_2(
    ledger: LedgerUnderTest, database_url: str, arguments: tuple[str, ...], reason: str
) -> None:
    assert await ledger.report()
    code, said = await verify(database_url, *arguments)
    assert code == 2
    assert reason in said
    assert "Traceback" not in said


async def test_a_store_that_is_away_ends_with_2_and_is_no_fault_of_a_journal() -> None:
    code, said = await verify("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    assert (code, "does not answer" in said, "Traceback" in said) == (2, True, False)


async def test_what_is_granted_must_stand_signed_in_the_files_given(ledger: LedgerUnderTest, database_url: str, tmp_path: Path) -> None:
    vendor, stranger = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    (tmp_path / "vendor.pem").write_bytes(vendor.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    (tmp_path / "vendor.hex").write_text(vendor.public_key().public_bytes_raw().hex())

    def file(name: str, key: Ed25519PrivateKey, units: int) -> Path:
        wanted = (("PHONE_UNIT", units, 5), ("CCM_NODE", 2, 0))
        lines = [
            license_line(feature=f, version="5.0", units=n, mac=MAC, license_file_id=file_id(1), license_line_id=at, overdraft_units=o)
            for at, (f, n, o) in enumerate(wanted, 1)
        ]
        path = tmp_path / name
        path.write_bytes(write_file(sign(line, key) for line in lines))
        return path

    await ledger.install(1, ("PHONE_UNIT", 20, 5), ("CCM_NODE", 2, 0))
    signed, other, forged = file("1.lic", vendor, 20), file("2.lic", vendor, 19), file("3.lic", stranger, 20)
    for key in ("vendor.pem", "vendor.hex"):
        code, said = await verify(database_url, "--license-file", signed, "--public-key", tmp_path / key)
        assert (code, said.startswith("hq: intact")) == (0, True), said
    for wrong in (other, forged):
        code, said = await verify(database_url, "--license-file", wrong, "--public-key", tmp_path / "vendor.pem")
        assert (code, f"line 1 of {file_id(1)} grants 20 PHONE_UNIT, and no given file has that signed" in said) == (1, True)
