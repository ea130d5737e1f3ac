"""Brings a service's schema to its newest form. Replicas that start together do it one after the other (an advisory lock).

Alembic is imported only where there is something to migrate: every start asks for the head, and few find anything to do.
"""

import re
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

_VERSION_TABLE = "schema_version"


_REVISION = re.compile(r'^(down_)?revision(?:: [^=]*)? = "(\w+)"$', re.MULTILINE)


@cache
def head_of(folder: Path) -> str | None:
    """The newest revision among the migrations in ``folder``: the one that no other names as the one before it."""
    found = [match for file in folder.glob("*.py") for match in _REVISION.finditer(file.read_text("utf-8"))]
    heads = {match[2] for match in found if not match[1]} - {match[2] for match in found if match[1]}
    assert len(heads) <= 1, f"the migrations in {folder} have the heads {sorted(heads)}: one must follow the other"
    return heads.pop() if heads else None


def suits(revision: str | None, folder: Path) -> bool:
    """May a process with the migrations in ``folder`` work on a schema at ``revision``?

    On its own head, and on one that it does not know: that of the next release, which changes nothing that this one uses.
    """
    known = {match[2] for file in folder.glob("*.py") for match in _REVISION.finditer(file.read_text("utf-8"))}
    return revision is not None and (revision == head_of(folder) or revision not in known)


async def revision_in(engine: AsyncEngine, schema: str) -> str | None:
    """The revision that a schema is at; None for one that does not exist yet."""
    async with engine.connect() as connection:
        if await connection.scalar(text("SELECT to_regclass(:name)"), {"name": f"{schema}.{_VERSION_TABLE}"}) is None:
            return None
        revision: str | None = await connection.scalar(text(f"SELECT version_num FROM {schema}.{_VERSION_TABLE}"))  # noqa: S608
        return revision


def _upgrade(connection: Connection, schema: str, folder: Path) -> None:
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(folder), version_locations=[str(folder)])
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": f"{schema}/migrate"})
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {schema}"))
    context = MigrationContext.configure(
        connection,
        opts={
            "version_table": _VERSION_TABLE,
            "version_table_schema": schema,
            "fn": lambda revision, _context: scripts._upgrade_revs("head", revision),  # noqa: SLF001 -- what alembic.command.upgrade passes
        },
    )
    with Operations.context(context):
        context.run_migrations()


async def migrate(url: str, schema: str, folder: Path) -> str | None:
    """Create ``schema`` where it is missing and run its migrations; returns the revision it is at. One transaction."""
    engine = create_async_engine(url)
    try:
        if await revision_in(engine, schema) != head_of(folder):
            async with engine.begin() as connection:
                await connection.run_sync(_upgrade, schema, folder)
        return await revision_in(engine, schema)
    finally:
        await engine.dispose()
