"""Whose fault it was, decided from errors that a real server and a real driver made."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from shared.kit.clock import TestClock
from shared.kit.database import Database
from shared.kit.postgres import EmbeddedPostgres
from shared.kit.settings import ServiceSettings
from shared.kit.store_faults import is_collision, is_store_failure


def _database(url: str, **settings: int) -> Database:
    return Database(ServiceSettings.model_validate({"database_url": url, **settings}), "toy", TestClock())


@pytest.fixture
async def database(toy_url: str) -> AsyncIterator[Database]:
    database = _database(toy_url, statement_timeout_ms=1000)
    yield database
    await database.close()


async def _run(database: Database, *statements: str) -> None:
    async with database.transaction() as tx:
        for statement in statements:
            await tx.session.execute(text(statement))


async def _error_of(work: Awaitable[object]) -> Exception:
    try:
        await work
    except Exception as error:
        return error
    raise AssertionError("it went well")


async def _verdict(work: Awaitable[object]) -> str:
    error = await _error_of(work)
    assert not (is_store_failure(error) and is_collision(error)), repr(error)
    return "store" if is_store_failure(error) else "collision" if is_collision(error) else "ours"


@pytest.mark.parametrize(
    ("statement", "verdict"),
    [
        ("SELECT 1 FROM nowhere", "ours"),
        ("SELEKT", "ours"),
        ("INSERT INTO toy.note VALUES ('a', 'x'), ('a', 'y')", "ours"),
        ("INSERT INTO toy.note VALUES ('a', 'x'), ('b', 'x')", "ours"),
        ("INSERT INTO toy.note VALUES ('a', NULL)", "ours"),
        ("SELECT 1 / 0", "ours"),
        ("SELECT pg_sleep(30)", "collision"),
        ("SELECT pg_terminate_backend(pg_backend_pid())", "store"),
    ],
)
async def test_a_statements_error(database: Database, statement: str, verdict: str) -> None:
    assert await _verdict(_run(database, statement)) == verdict


@pytest.mark.parametrize(("passes", "says"), [(True, "connection is closed"), (False, "another operation (2) is in progress")])
async def test_a_session_that_ended_between_two_statements(toy_url: str, database: Database, *, passes: bool, says: str) -> None:
    """The driver knows that it is over, or has read only that it is about to be: it is the store's, whatever class that has."""
    url, over = make_url(toy_url), asyncio.Event()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_unix_connection(f"{url.query['host']}/.s.PGSQL.{url.query['port']}")

        async def ask() -> None:
            while asked := await reader.read(65_536):
                to_server.write(asked)

        asking = asyncio.create_task(ask())
        while answer := await from_server.read(65_536):
            writer.write(answer)
        if passes:
            writer.close()
        over.set()
        await asking
        to_server.close()
        writer.close()

    async with await asyncio.start_server(carry, "127.0.0.1", 0) as server:
        port = str(server.sockets[0].getsockname()[1])
        carried = _database(url.set(query={**url.query, "host": "127.0.0.1", "port": port}).render_as_string(hide_password=False))

        async def between() -> None:
            async with carried.direct() as tx:
                (session,) = await tx.row("SELECT pg_backend_pid()") or (0,)
                await _run(database, f"SELECT pg_terminate_backend({session})")
                await over.wait()
                for _ in range(20):  # the driver reads what has arrived
                    await asyncio.sleep(0)
                await tx.row("SELECT 1")

        error = await _error_of(between())
        assert says in str(error)
        assert is_store_failure(error)
        await carried.close()


async def test_a_deadlock_is_a_collision(toy_url: str) -> None:
    database = _database(toy_url)
    await _run(database, "INSERT INTO toy.note VALUES ('a', 'x'), ('b', 'y')")
    both = asyncio.Barrier(2)

    async def lock(first: str, second: str) -> None:
        async with database.transaction() as tx:
            await tx.session.execute(text("UPDATE toy.note SET words = words || '.' WHERE name = :name"), {"name": first})
            await both.wait()
            await tx.session.execute(text("UPDATE toy.note SET words = words || '.' WHERE name = :name"), {"name": second})

    outcomes = await asyncio.gather(lock("a", "b"), lock("b", "a"), return_exceptions=True)
    errors = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert [(is_collision(error), is_store_failure(error)) for error in errors] == [(True, False)]
    await database.close()


async def test_a_server_that_crashed_is_the_stores_fault_for_old_connections_and_for_new_ones(fragile: EmbeddedPostgres) -> None:
    database = _database(fragile.url())
    await _run(database, "SELECT 1")
    await fragile.stop(mode="immediate")
    assert [await _verdict(database.ping()) for _ in range(3)] == ["store"] * 3
    await fragile.start_again()
    await database.ping()
    await database.close()


async def test_a_statement_that_was_running_when_the_server_crashed(fragile: EmbeddedPostgres) -> None:
    database = _database(fragile.url())
    running = asyncio.create_task(_error_of(_run(database, "SELECT 1", "SELECT pg_sleep(30)")))
    watcher = _database(fragile.url())
    async with watcher.connection() as connection:
        sleeping = text("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'")
        while not await connection.scalar(sleeping):
            await asyncio.sleep(0)
    await fragile.stop(mode="immediate")
    assert is_store_failure(await running)
    await database.close()
    await watcher.close()


@pytest.mark.parametrize("host", ["/nowhere", "127.0.0.1"])
async def test_a_server_that_is_not_there(host: str) -> None:
    database = _database(f"postgresql+asyncpg://licensing:x@/licensing?host={host}&port=1")
    assert await _verdict(database.ping()) == "store"
    await database.close()


async def test_a_wrong_password_is_the_stores_fault_for_nothing_can_be_stored(postgres: EmbeddedPostgres, toy_url: str) -> None:
    password = postgres.url().split("licensing:", 1)[1].split("@", 1)[0]
    database = _database(toy_url.replace(password, "wrong"))
    assert await _verdict(database.ping()) == "store"
    await database.close()


async def test_no_free_connection_is_a_collision(toy_url: str) -> None:
    database = _database(toy_url, database_pool_size=2)
    database.engine.pool._timeout = 0.01  # type: ignore[attr-defined]
    held = [await database.engine.connect() for _ in range(4)]
    assert await _verdict(database.ping()) == "collision"
    for connection in held:
        await connection.close()
    await database.close()


async def test_a_services_own_files_and_time_outs_are_not_the_stores_fault(tmp_path: Path) -> None:
    async def read_missing_file() -> bytes:
        return await asyncio.to_thread((tmp_path / "missing").read_bytes)

    async def take_too_long() -> None:
        await asyncio.wait_for(asyncio.Event().wait(), 0.001)

    assert [await _verdict(read_missing_file()), await _verdict(take_too_long())] == ["ours", "ours"]


async def test_the_server_soon_ends_the_sessions_of_a_machine_that_is_gone(database: Database) -> None:
    """Else its advisory locks would stand for two hours, and nobody could lead."""
    async with database.transaction() as tx:
        # What a session asked for; what holds is asked of the connection, and one of the same machine has no such thing.
        asked = text("SELECT name, reset_val::int FROM pg_settings WHERE source = 'client' AND name LIKE 'tcp_keepalives%'")
        seconds = {row.name: row.reset_val for row in await tx.session.execute(asked)}
    assert seconds["tcp_keepalives_idle"] + seconds["tcp_keepalives_count"] * seconds["tcp_keepalives_interval"] <= 30
