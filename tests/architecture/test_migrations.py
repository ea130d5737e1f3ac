"""The schema that migrations make is the schema that the code believes in, down to the CHECKs that autogenerate does not see."""

import asyncio
import importlib
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, String, Text, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import registry
from sqlmodel import AutoString

from shared.kit.migrations import head_of, migrate
from shared.kit.postgres import EmbeddedPostgres
from shared.kit.tables import KitTables
from tests.house import ROOT

ROOMS = sorted(folder.parent for folder in [*ROOT.glob("services/*/migrations"), *ROOT.glob("gateway/migrations")])
every_room = pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
CONSTRAINTS = """
    SELECT conrelid::regclass::text AS stands_on, conname AS name, pg_get_constraintdef(oid) AS rule
    FROM pg_constraint WHERE contype = 'c' AND connamespace = to_regnamespace(:schema)
"""


def _models_of(room: Path) -> MetaData:
    """What the service's tables.py says."""
    module = importlib.import_module(".".join([*room.relative_to(ROOT).parts, "tables"]))
    (found,) = {id(value): value.metadata for value in vars(module).values() if isinstance(value, registry)}.values()
    assert isinstance(found, MetaData)
    return _as_text(found)


def _as_text(models: MetaData) -> MetaData:
    """A copy in which every str is Text: the models say str, which is any text, and the migrations have to say one."""
    copy = MetaData(schema=models.schema)
    for table in models.tables.values():
        for column in table.to_metadata(copy).columns:
            if isinstance(column.type, AutoString | String):
                column.type = Text()
    return copy


@pytest.fixture
async def migrated(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(database_url)
    yield engine
    await engine.dispose()


@pytest.fixture
async def empty_url(postgres: EmbeddedPostgres) -> str:
    name = f"empty_{uuid4().hex[:12]}"
    await postgres.create_database(name)
    return postgres.url(name)


@every_room
async def test_migrations_make_what_the_tables_say(room: Path, migrated: AsyncEngine) -> None:
    def differences(connection: Connection) -> list[object]:
        opts = {
            "include_schemas": True,
            "include_name": lambda name, kind, _parents: kind != "schema" or name == room.name,
            "version_table": "schema_version",
            "version_table_schema": room.name,
        }
        wanted = MetaData(schema=room.name)
        for known in (_models_of(room), KitTables(room.name).metadata):
            for table in known.tables.values():
                table.to_metadata(wanted)
        return list(compare_metadata(MigrationContext.configure(connection, opts=opts), wanted))

    async with migrated.connect() as connection:
        found = await connection.run_sync(differences)
    assert not found, f"{room.name}: tables.py and migrations differ; a migration has to do this:\n" + "\n".join(map(repr, found))


@every_room
async def test_every_check_of_the_tables_is_in_the_database_word_for_word(room: Path, migrated: AsyncEngine, empty_url: str) -> None:
    async def checks_in(engine: AsyncEngine) -> set[tuple[str, str, str]]:
        async with engine.connect() as connection:
            rows = await connection.execute(text(CONSTRAINTS), {"schema": room.name})
            return {(row.stands_on, row.name, row.rule) for row in rows}

    made = create_async_engine(empty_url)
    models = _models_of(room)
    async with made.begin() as connection:
        await connection.execute(text(f"CREATE SCHEMA {room.name}"))
        await connection.run_sync(models.create_all)
    said, kept = await checks_in(made), await checks_in(migrated)
    await made.dispose()
    assert said == kept, f"only in tables.py: {sorted(said - kept)}\nonly in migrations: {sorted(kept - said)}"


@every_room
async def test_five_replicas_may_migrate_at_once(room: Path, empty_url: str) -> None:
    revisions = await asyncio.gather(*(migrate(empty_url, room.name, room / "migrations") for _ in range(5)))
    assert revisions == [head_of(room / "migrations")] * 5


@every_room
async def test_migrating_again_changes_nothing(room: Path, database_url: str) -> None:
    assert await migrate(database_url, room.name, room / "migrations") == head_of(room / "migrations")
