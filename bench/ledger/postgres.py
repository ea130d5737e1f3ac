"""The bench's own PostgreSQL: durable, in a new folder, gone afterwards; and how long it takes to make something safe there."""

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import make_url

from bench.figures import Sample
from shared.kit.data_folder import DataFolder
from shared.kit.postgres import EmbeddedPostgres
from shared.kit.postgres.server import PORT, ROLE

DATABASE, NOTHING = "licensing", "nothing"
"""The ledger's database, and one for services that do nothing: they must not relay the ledger's events."""

_PAGE = 8192
_FSYNC_SECONDS = 0.3


@dataclass(frozen=True)
class Fsync:
    """How long a page of 8 kB needs to be safe on the disk of the database, and who says so."""

    microseconds: float
    by: str


@dataclass(frozen=True)
class Postgres:
    """A running server, by its socket. ``folder``: where its data is."""

    folder: Path
    socket_folder: Path
    bin_dir: Path
    password: str

    def url(self, database: str = DATABASE) -> str:
        """For a service."""
        return f"postgresql+asyncpg://{ROLE}:{self.password}@/{database}?host={self.socket_folder}&port={PORT}"

    @property
    def environment(self) -> dict[str, str]:
        """For PostgreSQL's programs."""
        return {
            **os.environ,
            "PGHOST": str(self.socket_folder),
            "PGPORT": str(PORT),
            "PGUSER": ROLE,
            "PGPASSWORD": self.password,
            "PGDATABASE": DATABASE,
        }

    async def connect(self) -> asyncpg.Connection:
        """As the owner of everything."""
        where = {"host": str(self.socket_folder), "port": PORT, "database": DATABASE}
        return await asyncpg.connect(**where, user=ROLE, password=self.password)

    async def ask(self, statement: str, *values: Any) -> list[Any]:
        """Rows, seen from behind the product's back."""
        connection = await self.connect()
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()

    async def run(self, statements: str) -> None:
        """Several statements, in one transaction of their own."""
        connection = await self.connect()
        try:
            await connection.execute(statements)
        finally:
            await connection.close()

    async def fsync(self) -> Fsync:
        """pg_test_fsync's figure for fdatasync of one page, or our own where that program is missing."""
        file = self.folder / "fsync-probe"
        program = self.bin_dir / "pg_test_fsync"
        try:
            if program.exists() and (found := await _by_postgres(program, file)):
                return Fsync(found, "pg_test_fsync, fdatasync, one 8 kB write")
            return Fsync(1e6 * (await self.make_safe()).p50, "fdatasync of 8 kB writes by the bench: pg_test_fsync is missing")
        finally:
            file.unlink(missing_ok=True)

    async def make_safe(self) -> Sample:
        """Pages of 8 kB written and made safe one after the other, for a moment."""
        file = self.folder / "fsync-probe-of-the-bench"
        took = await asyncio.to_thread(_made_safe, file)
        file.unlink()
        return Sample(len(took) / sum(took), took)


async def _by_postgres(program: Path, file: Path) -> float | None:
    """Microseconds; it is ended as soon as it has said what is asked."""
    child = await asyncio.create_subprocess_exec(program, "-s", "1", "-f", file, stdout=asyncio.subprocess.PIPE)
    assert child.stdout is not None
    async for line in child.stdout:
        words = line.split()
        if words[:1] == [b"fdatasync"] and words[-1:] == [b"usecs/op"]:
            child.terminate()
            await child.communicate()
            return float(words[-2])
    await child.wait()
    return None


def _made_safe(file: Path) -> list[float]:
    page, took = os.urandom(_PAGE), list[float]()
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.pwrite(descriptor, page, 0)
        os.fsync(descriptor)
        ends = time.perf_counter() + _FSYNC_SECONDS
        while (began := time.perf_counter()) < ends:
            os.pwrite(descriptor, page, 0)
            os.fdatasync(descriptor)
            took.append(time.perf_counter() - began)
    finally:
        os.close(descriptor)
    return took


@asynccontextmanager
async def new_postgres() -> AsyncIterator[Postgres]:
    """A durable server in a new folder; both are gone afterwards."""
    with new_folder() as path:
        data = DataFolder.open(path / "data")
        server = await EmbeddedPostgres.start(data)
        password = make_url(server.url()).password
        try:
            await server.create_database(NOTHING)
            yield Postgres(path, server.socket_folder, server.bin_dir, str(password))
        finally:
            await server.stop("immediate")
            data.close()


@contextmanager
def new_folder() -> Iterator[Path]:
    """A folder that the database's account may pass; gone afterwards."""
    path = Path(tempfile.mkdtemp(prefix="lic-", dir="/tmp"))
    path.chmod(0o711)
    try:
        yield path
    finally:
        shutil.rmtree(path)
