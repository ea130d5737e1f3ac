"""What a restore refuses, and what it leaves as it was when it fails; and a back-up that is whole or not there."""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from shared.kit.postgres import EmbeddedPostgres
from tests.system.side import Side, connected, migrated_side, superuser

CLUSTERS = """INSERT INTO ledger.cluster (cluster, product_version, version, frozen, software_major, created_at)
              VALUES ('one', '5.0', 1, false, 5, now()), ('two', '5.0', 1, false, 5, now())"""
SEALED, OPEN = ("-----BEGIN ENCRYPTED PRIVATE KEY-----\n", "-----BEGIN PRIVATE KEY-----\n")


@dataclass(frozen=True)
class BackUp:
    """The files of both sides."""

    customer: Path
    vendor: Path


@pytest.fixture(scope="module")
async def back_up(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> BackUp:
    folder = tmp_path_factory.mktemp("restore")
    side = await migrated_side(postgres, f"side_{uuid4().hex[:12]}", folder)
    await superuser(side, CLUSTERS)
    key = folder / "key.pem"
    key.write_text(SEALED)
    where = {"BACKUPS": str(folder / "made"), "LICENSING_SIGNING_KEY_FILE": str(key)}
    return BackUp(*(Path(side.succeed("backup.sh", SIDE=name, **where)) for name in ("customer", "vendor")))


@pytest.fixture
async def target(postgres: EmbeddedPostgres, tmp_path: Path) -> Side:
    """A machine with roles and nothing else."""
    return Side.on(postgres, f"side_{uuid4().hex[:12]}", tmp_path)


async def clusters_in(side: Side) -> list[str]:
    return [row[0] for row in await superuser(side, "SELECT cluster FROM ledger.cluster ORDER BY cluster")]


def refused(side: Side, file: Path, **environment: str) -> str:
    done = side.run("restore.sh", file, **{"SIDE": "customer", **environment})
    assert done.returncode == 1, done.stdout
    return done.stderr


async def test_rows_that_are_there_are_replaced_only_when_told_so(back_up: BackUp, target: Side) -> None:
    target.succeed("restore.sh", back_up.customer, SIDE="customer")
    await superuser(target, "UPDATE ledger.cluster SET product_version = '6.0' WHERE cluster = 'one'")
    assert "the database is not empty" in refused(target, back_up.customer)
    version = "SELECT product_version FROM ledger.cluster WHERE cluster = 'one'"
    assert (await superuser(target, version))[0][0] == "6.0"
    target.succeed("restore.sh", back_up.customer, SIDE="customer", REPLACE="yes")
    assert (await superuser(target, version))[0][0] == "5.0"


async def test_a_restore_that_fails_leaves_everything_as_it_was(back_up: BackUp, target: Side, tmp_path: Path) -> None:
    target.succeed("restore.sh", back_up.customer, SIDE="customer")
    broken = tmp_path / "broken.dump"
    broken.write_bytes(back_up.customer.read_bytes()[:-2000])
    digest = hashlib.sha256(broken.read_bytes()).hexdigest()
    broken.with_name("broken.dump.sha256").write_text(f"{digest}  broken.dump\n")
    assert target.run("restore.sh", broken, SIDE="customer", REPLACE="yes").returncode != 0
    assert await clusters_in(target) == ["one", "two"]


async def test_a_file_that_is_not_what_it_should_be_is_refused(back_up: BackUp, target: Side, tmp_path: Path) -> None:
    assert "and the customer's side has 'alarms" in refused(target, back_up.vendor)
    copy = tmp_path / "copy.dump"
    assert "there is no" in refused(target, copy)
    copy.write_bytes(back_up.customer.read_bytes() + b".")
    assert "to check it by" in refused(target, copy)
    shutil.copy(f"{back_up.customer}.sha256", f"{copy}.sha256")
    assert "is damaged" in refused(target, copy)


async def test_nobody_may_be_at_work_meanwhile(back_up: BackUp, target: Side) -> None:
    target.succeed("postgres/roles.sh", LICENSING_SIDE="customer")
    async with connected(target, "ledger"):
        assert "1 sessions use the database" in refused(target, back_up.customer)
    assert target.run("restore.sh", back_up.customer, SIDE="customer").returncode == 0


async def test_a_back_up_is_whole_or_not_there(target: Side, tmp_path: Path) -> None:
    folder, clear = tmp_path / "made", tmp_path / "key.pem"
    target.succeed("postgres/roles.sh", LICENSING_SIDE="customer")
    done = target.run("backup.sh", SIDE="vendor", BACKUPS=str(folder), LICENSING_SIGNING_KEY_FILE=str(clear))
    assert done.returncode != 0
    assert "no matching schemas were found" in done.stderr
    target.succeed("postgres/roles.sh", LICENSING_SIDE="vendor")
    clear.write_text(OPEN)
    done = target.run("backup.sh", SIDE="vendor", BACKUPS=str(folder), LICENSING_SIGNING_KEY_FILE=str(clear))
    assert (done.returncode, done.stderr) == (1, "the signing key is missing or not encrypted\n")
    assert list(folder.iterdir()) == []
    assert "where is the signing key?" in target.run("backup.sh", SIDE="vendor", BACKUPS=str(folder)).stderr


async def test_a_signing_key_that_is_there_is_replaced_only_when_told_so(back_up: BackUp, target: Side, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text("another")
    vendor = {"SIDE": "vendor", "LICENSING_SIGNING_KEY_FILE": str(key)}
    assert "the desk has a signing key" in refused(target, back_up.vendor, **vendor)
    assert key.read_text() == "another"
    target.succeed("restore.sh", back_up.vendor, REPLACE="yes", **vendor)
    assert key.read_text() == SEALED
