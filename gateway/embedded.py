"""Everything in one process: ``python -m gateway.embedded``. The database, all services, the gateway, nothing to install.

Must not be broken: the order. All services subscribe before the bus lets anything through; a start is whole or undone; and at the
end requests are finished first, then services and their relays stop, then the database. An event on its way stays in its sender's
outbox until its readers have committed it, so nothing is lost at any moment.

What is heavy is imported while the database starts.
"""

import asyncio
import gc
import secrets
import shlex
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr, ValidationError
from pydantic_settings import SettingsError

from gateway.settings import EmbeddedSettings, GatewaySettings
from shared.kit.data_folder import DataFolder, DataFolderError
from shared.kit.life import CannotStart
from shared.kit.listening import listening_socket
from shared.kit.settings import what_is_wrong

if TYPE_CHECKING:
    from fastapi import FastAPI

    from services.registration.settings import RegistrationSettings
    from shared.kit.memory_bus import MemoryBus
    from shared.kit.postgres import EmbeddedPostgres

_PASSPHRASE = "signing-key-passphrase"  # noqa: S105 -- where it is kept, not what it is
_LOOK_AGAIN_SECONDS = 0.02


def main() -> int:
    """Run until SIGTERM or Ctrl-C; the exit code is 1 where it could not start."""
    import uvloop

    try:
        settings = EmbeddedSettings()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_told(settings))
    except (ValidationError, SettingsError) as error:
        return _complain(f"the settings are not usable: {what_is_wrong(error)}.")
    except (CannotStart, DataFolderError) as error:
        return _complain(str(error))
    return 0


def _complain(reason: str) -> int:
    print(f"Cannot start: {reason}", file=sys.stderr, flush=True)
    return 1


async def _until_told(settings: EmbeddedSettings) -> None:
    """A signal before everything is there gives the start up; one after it begins an orderly stop."""
    stop, serves = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(_run(settings, stop, serves))

    def told() -> None:
        if not stop.is_set() and not serves.is_set():
            running.cancel()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told)
    await asyncio.wait({running})
    if running.cancelled():
        print("Stopped before it was ready.", flush=True)
    else:
        running.result()


async def _run(settings: EmbeddedSettings, stop: asyncio.Event, serves: asyncio.Event) -> None:
    began = time.monotonic()
    folder = DataFolder.open(settings.data_dir)
    async with AsyncExitStack() as undo:
        undo.callback(folder.close)
        bound = undo.enter_context(listening_socket(settings.host, settings.port))
        print(f"Starting on the data folder {folder.path} …", flush=True)
        loading = asyncio.create_task(asyncio.to_thread(_load))
        postgres = await undo.enter_async_context(_database(folder))
        await loading
        from gateway import embedded_log, first_keys
        from shared.kit import server

        embedded_log.configure_embedded_logs(settings.log, folder.path)
        gateway = await undo.enter_async_context(_everything(postgres.url(), folder))
        keys = await first_keys.keep_first_keys(gateway, folder.path)
        gc.collect()
        gc.freeze()  # as each service does in a process of its own: what is there now stays
        serves.set()
        saying = asyncio.create_task(_say_when_ready(gateway, settings, folder.path, keys, began))
        undo.callback(saying.cancel)
        await server.serve(gateway, bound, stop, gateway.state.kit.life, lambda: settings.drain_seconds)
    print("Stopped.", flush=True)


def _load() -> None:
    """Import what everything is made of; it takes longer than all else of a start."""
    from gateway import contracts, embedded_log, first_keys
    from shared.kit import server

    assert all((contracts, embedded_log, first_keys, server))


@asynccontextmanager
async def _database(folder: DataFolder) -> AsyncIterator["EmbeddedPostgres"]:
    from shared.kit.postgres import EmbeddedPostgres, EmbeddedPostgresError

    try:
        postgres = await EmbeddedPostgres.start(folder)
    except EmbeddedPostgresError as error:
        raise CannotStart(str(error)) from error
    try:
        yield postgres
    finally:
        await postgres.stop()


@asynccontextmanager
async def _everything(url: str, folder: DataFolder) -> AsyncIterator["FastAPI"]:
    """All services started, the gateway last; stopped in reverse. Raises CannotStart."""
    from shared.kit.memory_bus import MemoryBus

    bus = MemoryBus(held=True)
    apps = _built(url, folder, bus)
    await _migrate(url, apps)
    async with AsyncExitStack() as running:
        for app in apps:
            await running.enter_async_context(app.router.lifespan_context(app))
        running.push_async_callback(bus.close)
        bus.open()
        yield apps[-1]


def _built(url: str, folder: DataFolder, bus: "MemoryBus") -> list["FastAPI"]:
    """The services in the order in which they start, the gateway last."""
    import httpx

    from gateway.app import create_app as create_gateway
    from services.alarms.app import create_app as create_alarms
    from services.alarms.settings import AlarmsSettings
    from services.calculator.app import create_app as create_calculator
    from services.calculator.settings import CalculatorSettings
    from services.ledger.app import create_app as create_ledger
    from services.ledger.settings import LedgerSettings
    from services.licensefile.app import create_app as create_licensefile
    from services.licensefile.settings import LicenseFileSettings
    from services.registration.app import create_app as create_registration
    from shared.kit.clock import SystemClock
    from shared.kit.identity import IdentityIssuer
    from shared.kit.metrics import Metrics

    issuer = IdentityIssuer.in_memory()
    keys = issuer.public_keys
    clock, metrics, database, trusted = SystemClock(), Metrics(), SecretStr(url), folder.private_folder("trusted-keys")
    ledger = create_ledger(LedgerSettings(database_url=database, identity_keys=keys), bus, clock, metrics)
    asked = httpx.ASGITransport(ledger, raise_app_exceptions=False)
    calculator = CalculatorSettings(database_url=database, ledger_url="http://ledger", identity_keys=keys)
    licensefile = LicenseFileSettings(database_url=database, ledger_url="http://ledger", trusted_keys_dir=trusted, identity_keys=keys)
    upstreams = {
        # First, because it writes the public key that licensefile reads when it starts.
        "registration": create_registration(_vendors_settings(database, folder, trusted, keys), bus, clock, metrics),
        "ledger": ledger,
        "calculator": create_calculator(calculator, bus, clock, metrics, ledger=asked),
        "licensefile": create_licensefile(licensefile, bus, clock, metrics, ledger=asked),
        "alarms": create_alarms(AlarmsSettings(database_url=database, identity_keys=keys), bus, clock, metrics),
    }
    gateway = create_gateway(GatewaySettings(database_url=database), bus, clock, metrics, upstreams=upstreams, issuer=issuer)
    return [*upstreams.values(), gateway]


def _vendors_settings(database: SecretStr, folder: DataFolder, trusted: Path, keys: dict[str, Any]) -> "RegistrationSettings":
    """A vendor of this installation's own, for evaluation: the private key stays in ``vendor``, the public one is trusted."""
    from services.registration.settings import RegistrationSettings

    passphrase = folder.read_secret(_PASSPHRASE)
    if passphrase is None:
        passphrase = secrets.token_urlsafe(32)
        folder.write_secret(_PASSPHRASE, passphrase)
    public = trusted / "vendor.pub"
    return RegistrationSettings(
        database_url=database,
        signing_key_file=folder.private_folder("vendor") / "signing-key.pem",
        signing_key_passphrase=SecretStr(passphrase),
        # Once only: a key that is missing later was lost, and another one would not be the one that signed the files.
        make_signing_key=not public.exists(),
        public_key_file=public,
        identity_keys=keys,
    )


async def _migrate(url: str, apps: list["FastAPI"]) -> None:
    """Bring every schema to this release; one after the other, because alembic's ``op`` is one for the whole process."""
    from shared.kit.migrations import head_of, migrate, revision_in

    kits = [app.state.kit for app in apps]
    revisions = await asyncio.gather(*(revision_in(kit.database.engine, kit.plan.service) for kit in kits))
    for kit, revision in zip(kits, revisions, strict=True):
        if revision != head_of(kit.plan.migrations):
            await migrate(url, kit.plan.service, kit.plan.migrations)


async def _say_when_ready(gateway: "FastAPI", settings: EmbeddedSettings, folder: Path, keys: list[Path], began: float) -> None:
    import httpx

    async with httpx.AsyncClient(transport=httpx.ASGITransport(gateway), base_url="http://gateway") as client:
        while (await client.get("/readyz")).status_code != httpx.codes.OK:
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104 -- what to show for it
    url = f"http://{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{settings.port}"
    told = [f"Ready in {time.monotonic() - began:.1f} s: {url} (documentation: {url}/docs)"]
    told += [f"  {path.name:<12}{path}" for path in keys]
    if settings.log == "file":
        told.append(f"  {'log':<12}{folder / 'licensing.log'}")
    if keys:
        told.append(f'Try: curl -H "Authorization: Bearer $(cat {shlex.quote(str(keys[0]))})" {url}/v1/device-types')
        told.append("Further callers, each with a key of its own: POST /v1/callers. Stop with Ctrl-C.")
    print("\n".join(told), flush=True)


if __name__ == "__main__":
    sys.exit(main())
