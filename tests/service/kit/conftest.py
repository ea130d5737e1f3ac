"""The toy service, and a database server that a test may ill-treat."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from shared.kit.clock import TestClock
from shared.kit.data_folder import DataFolder
from shared.kit.metrics import Metrics
from shared.kit.migrations import migrate
from shared.kit.postgres import EmbeddedPostgres
from tests.house import RememberingBus, running
from tests.service.kit.toy import MIGRATIONS, toy_app


@pytest.fixture
async def toy_url(postgres: EmbeddedPostgres) -> str:
    """A database with the toy's schema in it."""
    name = f"toy_{uuid4().hex[:12]}"
    await postgres.create_database(name)
    await migrate(postgres.url(name), "toy", MIGRATIONS)
    return postgres.url(name)


@pytest.fixture
async def app(toy_url: str, bus: RememberingBus, clock: TestClock, metrics: Metrics) -> FastAPI:
    return toy_app(toy_url, bus, clock, metrics)


@pytest.fixture
async def toy(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with running(app) as client:
        yield client


@pytest.fixture(scope="session")
def own_path() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="lick-", dir="/tmp"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
async def own_server(own_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A server of these tests alone, to be crashed."""
    folder = DataFolder.open(own_path / "data")
    server = await EmbeddedPostgres.start(folder)
    yield server
    await server.stop()
    folder.close()


@pytest.fixture
async def fragile(own_server: EmbeddedPostgres) -> AsyncIterator[EmbeddedPostgres]:
    """The server that a test may stop; it runs again afterwards."""
    name = "licensing"
    await migrate(own_server.url(name), "toy", MIGRATIONS)
    yield own_server
    await own_server.start_again()
