"""Services as processes of their own: started as in production, with the store away, and ended without cutting anybody short."""

import asyncio
import shutil
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from gateway.domain.key import new_key
from shared.kit.data_folder import DataFolder
from shared.kit.postgres import EmbeddedPostgres
from tests.house import eventually
from tests.system.process import Program, program

NOWHERE = "amqp://guest:guest@127.0.0.1:1/licensing"
CONNECTIONS = 8


@pytest.fixture
def settings(database_url: str) -> dict[str, str]:
    return {"LICENSING_DATABASE_URL": database_url, "LICENSING_AMQP_URL": NOWHERE}


@pytest.fixture
async def own_postgres() -> AsyncIterator[EmbeddedPostgres]:
    """A server of one test's own that does not run yet; nothing is migrated in it."""
    path = Path(tempfile.mkdtemp(prefix="lic-", dir="/tmp"))
    path.chmod(0o711)
    folder = DataFolder.open(path / "data")
    server = await EmbeddedPostgres.start(folder, durable=False)
    await server.stop()
    yield server
    await server.stop("immediate")
    folder.close()
    shutil.rmtree(path)


@asynccontextmanager
async def locked(database_url: str, table: str) -> AsyncIterator[AsyncConnection]:
    """Whoever asks for the table waits until the end of this."""
    engine = create_async_engine(database_url)
    async with engine.begin() as connection:
        await connection.execute(text(f"LOCK TABLE {table}"))
        yield connection
    await engine.dispose()


async def someone_waits(connection: AsyncConnection) -> bool:
    return bool(await connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))


async def asks_until_told(url: str) -> tuple[int, int]:
    """Ask on one connection for as long as the process is ready; the number of answers and of connections that were used for them."""
    answers = 0
    connections: set[object] = set()
    async with httpx.AsyncClient(base_url=url) as client:
        while True:
            answer = await client.get("/readyz")
            answers += 1
            connections.add(answer.extensions["network_stream"].get_extra_info("client_addr"))
            if answer.json()["checks"]["process"] == "is stopping":
                assert answer.headers["connection"] == "close"
                return answers, len(connections)
