"""Services as processes of their own: started as in production, with the store away, and ended without cutting anybody short."""

import asyncio
import json
import shutil
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from gateway.domain.key import new_key
from services.calculator.app import MIGRATIONS
from shared.kit.data_folder import DataFolder
from shared.kit.identity import IDENTITY_HEADER, IdentityIssuer, new_identity_keys
from shared.kit.migrations import head_of
from shared.kit.postgres import EmbeddedPostgres
from tests.house import eventually
from tests.system.embedded_postgres import temporary_place
from tests.system.process import Program, program

NOWHERE = "amqp://guest:guest@127.0.0.1:1/licensing"
CONNECTIONS = 8


@pytest.fixture
def issuer(tmp_path: Path) -> IdentityIssuer:
    """The gateway's word; its key files are ``private.jwk`` and ``public.jwks``."""
    private, public = new_identity_keys()
    (tmp_path / "private.jwk").write_text(json.dumps(private))
    (tmp_path / "public.jwks").write_text(json.dumps(public))
    return IdentityIssuer(private)


@pytest.fixture
def settings(database_url: str, amqp_url: str, issuer: IdentityIssuer, tmp_path: Path) -> dict[str, str]:
    return {
        "LICENSING_DATABASE_URL": database_url,
        "LICENSING_AMQP_URL": amqp_url,
        "LICENSING_IDENTITY_KEYS_FILE": str(tmp_path / "public.jwks"),
    }


@pytest.fixture
async def own_postgres() -> AsyncIterator[EmbeddedPostgres]:
    """A server of one test's own that does not run yet; nothing is migrated in it."""
    path = temporary_place()
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


async def asks_until_told(client: httpx.AsyncClient, answers: list[None]) -> None:
    """Ask for as long as the process is ready, as whoever sends it requests. Whatever was asked is answered."""
    while True:
        answer = await client.get("/readyz")
        answers.append(None)
        if answer.json()["checks"]["process"] == "is stopping":
            assert answer.headers["connection"] == "close"
            return
        assert answer.status_code == httpx.codes.OK


async def test_a_process_that_is_told_to_end_answers_whatever_it_was_asked(settings: dict[str, str], issuer: IdentityIssuer) -> None:
    draining = {**settings, "LICENSING_DRAIN_SECONDS": "1"}
    with program("services.alarms", draining) as alarms:
        alarms.start()
        await alarms.ready()
        known = {IDENTITY_HEADER: issuer.token_for("a test", "viewer")}
        async with httpx.AsyncClient(base_url=alarms.url, headers=known, timeout=60) as client:
            async with locked(settings["LICENSING_DATABASE_URL"], "alarms.alarm") as connection:
                held = asyncio.create_task(client.get("/v1/alarms"))
                await eventually(lambda: someone_waits(connection), "a request that waits")
                answers: list[None] = []
                asking = [asyncio.create_task(asks_until_told(client, answers)) for _ in range(CONNECTIONS)]
                await eventually(lambda: many(answers), "many answers on each connection")
                alarms.signal(signal.SIGTERM)
                await asyncio.gather(*asking)
                await eventually(lambda: nobody_listens(alarms), "a listener that is gone")
                assert alarms.running is not None
                assert (held.done(), alarms.running.poll()) == (False, None)
            assert (await held).status_code == httpx.codes.OK
        assert await alarms.ended() == 0


async def many(answers: list[None]) -> bool:
    return len(answers) > 5 * CONNECTIONS


async def nobody_listens(asked: Program) -> bool:
    return (await asked.health("/livez"))[0] == 0


async def test_a_start_waits_for_its_store_and_then_for_its_schema_and_not_for_the_broker(
    own_postgres: EmbeddedPostgres, issuer: IdentityIssuer, tmp_path: Path
) -> None:
    places = {"LICENSING_DATABASE_URL": own_postgres.url(), "LICENSING_AMQP_URL": NOWHERE}
    with program("services.calculator", {**places, "LICENSING_IDENTITY_KEYS_FILE": str(tmp_path / "public.jwks")}) as calculator:
        calculator.start()

        async def finding(check: str) -> str | None:
            status, checks = await calculator.health()
            return checks[check] if status == httpx.codes.SERVICE_UNAVAILABLE else None

        assert await eventually(lambda: finding("database"), "a database that is away")
        assert (await calculator.health("/livez"))[0] == httpx.codes.OK
        async with httpx.AsyncClient(base_url=calculator.url) as client:
            early = await client.get("/v1/device-types")
        assert (early.status_code, early.headers["retry-after"], early.json()["type"]) == (503, "2", "urn:licensing:problem:starting")
        assert await calculator.stop() == 0  # a start that waits is given up

        calculator.start()
        await own_postgres.start_again()
        wanted = f"the schema is at None, this release needs {head_of(MIGRATIONS)}: run migrate"
        assert await eventually(lambda: finding("schema"), "a schema that is missing") == wanted
        with program("services.calculator", calculator.settings) as migration:
            migration.start("migrate")
            assert await migration.ended() == 0
        await calculator.ready()
        assert "the broker is away" in ((await calculator.health())[1]["broker"] or "")
        assert await calculator.stop() == 0
        waited_for = [line["finding"] for line in calculator.logged() if line["event"] == "start-waits"]
    assert waited_for[-1] == f"schema: {wanted}"


async def test_what_waiting_would_not_mend_ends_the_start_and_says_why(settings: dict[str, str], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert await said_at_its_end("services.alarms", settings, port) == (
            f"Cannot start: cannot listen on 127.0.0.1 port {port}: Address already in use. "
            "Stop the program that has it, or set LICENSING_PORT (and LICENSING_HOST) to another."
        )
    without = {"LICENSING_DATABASE_URL": settings["LICENSING_DATABASE_URL"], "LICENSING_SECRETS_DIR": str(tmp_path)}
    assert await said_at_its_end("services.alarms", without) == "The settings are not usable: LICENSING_AMQP_URL: Field required"
    believing = {name: value for name, value in settings.items() if "IDENTITY" not in name}
    assert "Cannot start: LICENSING_IDENTITY_KEYS_FILE is not set" in await said_at_its_end("services.alarms", believing)
    unkeyed = {**settings, "LICENSING_SIGNING_KEY_FILE": str(tmp_path / "vendor.pem"), "LICENSING_SIGNING_KEY_PASSPHRASE": "x" * 12}
    assert "Cannot start: There is no signing key in" in await said_at_its_end("services.registration", unkeyed)
    assert "LICENSING_UPSTREAMS names no service. There are alarms, calculator" in await said_at_its_end("gateway", settings)


async def said_at_its_end(module: str, settings: dict[str, str], port: int | None = None) -> str:
    """What a process said last that could not start."""
    with program(module, settings) as failing:
        failing.port = port or failing.port
        failing.start()
        assert await failing.ended() == 1
        return failing.said().splitlines()[-1]


async def test_the_vendors_desk_opens_its_key_with_a_secret_file(settings: dict[str, str], tmp_path: Path) -> None:
    secrets, public = tmp_path / "secrets", tmp_path / "vendor.pub"
    secrets.mkdir()
    for name in ("database_url", "amqp_url"):
        (secrets / f"licensing_{name}").write_text(settings[f"LICENSING_{name.upper()}"])
    (secrets / "licensing_signing_key_passphrase").write_text("a passphrase of the vendor\n")
    given = {name: value for name, value in settings.items() if "URL" not in name}
    files = {**given, "LICENSING_SIGNING_KEY_FILE": str(tmp_path / "vendor.pem"), "LICENSING_PUBLIC_KEY_FILE": str(public)}
    with program("services.registration", {**files, "LICENSING_SECRETS_DIR": str(secrets), "LICENSING_MAKE_SIGNING_KEY": "true"}) as desk:
        desk.start()
        await desk.ready()
        assert public.read_text().startswith("-----BEGIN PUBLIC KEY-----")
        assert await desk.stop() == 0
        assert "a passphrase of the vendor" not in desk.said()


async def test_a_gateway_of_its_own_forwards_with_the_key_that_it_was_given(settings: dict[str, str], tmp_path: Path) -> None:
    key = new_key()
    (tmp_path / "licensing_first_caller_key").write_text(key)
    with program("services.calculator", settings) as calculator, program("services.ledger", settings) as ledger:
        own = {
            "LICENSING_DATABASE_URL": settings["LICENSING_DATABASE_URL"],
            "LICENSING_UPSTREAMS": f"calculator={calculator.url} ledger={ledger.url}",
            "LICENSING_IDENTITY_KEY_FILE": str(tmp_path / "private.jwk"),
            "LICENSING_FIRST_CALLER": "admin",
            "LICENSING_SECRETS_DIR": str(tmp_path),
        }
        with program("gateway", own) as gateway:
            for process in (gateway, ledger, calculator):
                process.start()
            await ledger.ready()  # the calculator's prices have come through the broker
            await gateway.ready()
            async with httpx.AsyncClient(base_url=gateway.url, headers={"Authorization": f"Bearer {key}"}) as client:
                assert (await client.put("/v1/clusters/hq", json={"product_version": "5.0"})).status_code == httpx.codes.CREATED
                assert (await client.get("/v1/device-types")).status_code == httpx.codes.OK
                assert "/v1/orders" not in (await client.get("/openapi.json")).json()["paths"]
            assert [await process.stop() for process in (gateway, ledger, calculator)] == [0, 0, 0]
            assert key not in gateway.said()
