"""The real servers that tests use, started once and only by us."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import settings as hypothesis_settings
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from shared.kit.clock import TestClock
from shared.kit.data_folder import DataFolder
from shared.kit.metrics import Metrics
from shared.kit.migrations import migrate
from shared.kit.postgres import EmbeddedPostgres
from shared.kit.tasks import ended
from tests.debian import NotInstalled, missing
from tests.house import ROOT, RememberingBus
from tests.rabbitmq import RabbitNode, emptied

# A shared machine pauses when it likes: no property is judged by the time an example took.
hypothesis_settings.register_profile("house", deadline=None, print_blob=True)
hypothesis_settings.load_profile("house")

TEMPLATE = "template_of_all_services"


@pytest.fixture(scope="session")
def data_path() -> Iterator[Path]:
    """A short path whose parents everybody may pass: the database's account must reach it."""
    path = Path(tempfile.mkdtemp(prefix="lic-", dir="/tmp"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
async def postgres(data_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    """PostgreSQL, with a database in which every service's schema is at its head."""
    folder = DataFolder.open(data_path / "data")
    server = await EmbeddedPostgres.start(folder, durable=False)
    await server.create_database(TEMPLATE)
    for migrations in sorted([*ROOT.glob("services/*/migrations"), *ROOT.glob("gateway/migrations")]):
        await migrate(server.url(TEMPLATE), migrations.parent.name, migrations)
    yield server
    await server.stop("immediate")  # its databases are thrown away: nothing need be written back
    folder.close()


@pytest.fixture(scope="session")
async def drop_later(postgres: EmbeddedPostgres) -> "AsyncIterator[asyncio.Queue[str]]":
    """Databases that no test needs any more are dropped beside the next tests: their files have hardly reached the disk by then, and
    removing those of all tests together at the end would take longer than the tests. What is left at the end goes with the folder."""
    names: asyncio.Queue[str] = asyncio.Queue()
    engine = create_async_engine(postgres.url("postgres"), isolation_level="AUTOCOMMIT")

    async def drop() -> None:
        while True:
            async with engine.connect() as connection:
                await connection.execute(text(f"DROP DATABASE {await names.get()} WITH (FORCE)"))

    dropping = asyncio.create_task(drop())
    yield names
    if dropping.done():
        await dropping  # it ends by a failure only, which is to be seen
    await ended([dropping])
    await engine.dispose()


@pytest.fixture
async def database_url(postgres: EmbeddedPostgres, drop_later: "asyncio.Queue[str]") -> AsyncIterator[str]:
    """A database of this test's own."""
    name = f"test_{uuid4().hex[:12]}"
    engine = create_async_engine(postgres.url("postgres"), isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY"))
    await engine.dispose()
    yield postgres.url(name)
    drop_later.put_nowait(name)


@pytest.fixture(scope="session")
async def rabbit() -> AsyncIterator[RabbitNode]:
    """RabbitMQ; a test that ends or stops it starts it again."""
    try:
        node = await RabbitNode.make()
    except NotInstalled as reason:
        missing(reason)
    yield node
    await node.remove()


@pytest.fixture(scope="session")
def given_or_own_broker(request: pytest.FixtureRequest) -> str | RabbitNode:
    """The broker that was given for tests, else our own."""
    given = os.environ.get("LICENSING_TEST_AMQP_URL")
    own: RabbitNode | None = None if given else request.getfixturevalue("rabbit")
    return own or str(given)


@pytest.fixture
async def amqp_url(given_or_own_broker: str | RabbitNode) -> str:
    """A vhost of this test's own; at LICENSING_TEST_AMQP_URL, where that is given, one that is emptied for it."""
    if isinstance(given_or_own_broker, str):
        return await emptied(given_or_own_broker)
    return given_or_own_broker.url_of(await given_or_own_broker.vhost())


@pytest.fixture
async def bus() -> AsyncIterator[RememberingBus]:
    bus = RememberingBus()
    yield bus
    await bus.close()


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()
