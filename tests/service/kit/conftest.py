"""The toy service, and a database server that a test may ill-treat."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from shared.kit.clock import TestClock
from shared.kit.data_folder import DataFolder
from shared.kit.metrics import Metrics
from shared.kit.migrations import migrate
from shared.kit.postgres import EmbeddedPostgres
from tests.house import RememberingBus, running
from tests.rabbitmq import RabbitNode
from tests.service.kit.toy import MIGRATIONS, toy_app

TEMPLATE = "template_of_the_toy"


@pytest.fixture(scope="session")
async def toy_template(postgres: EmbeddedPostgres) -> str:
    await postgres.create_database(TEMPLATE)
    await migrate(postgres.url(TEMPLATE), "toy", MIGRATIONS)
    return TEMPLATE


@pytest.fixture
async def toy_url(postgres: EmbeddedPostgres, toy_template: str) -> str:
    """A database of this test's own with the toy's schema in it."""
    name = f"toy_{uuid4().hex[:12]}"
    engine = create_async_engine(postgres.url("postgres"), isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {toy_template}"))
    await engine.dispose()
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
async def broker(rabbit: RabbitNode) -> AsyncIterator[RabbitNode]:
    """The broker for a test that ill-treats it; it runs again afterwards."""
    yield rabbit
    if rabbit.runs:
        rabbit.resume()
    else:
        await rabbit.start()


@pytest.fixture
async def fragile(own_server: EmbeddedPostgres) -> AsyncIterator[EmbeddedPostgres]:
    """The server that a test may stop; it runs again afterwards."""
    name = "licensing"
    await migrate(own_server.url(name), "toy", MIGRATIONS)
    yield own_server
    await own_server.start_again()
