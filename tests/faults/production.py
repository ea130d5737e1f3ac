"""The customer's side in production's shape, as processes of this machine: PostgreSQL with its roles, RabbitMQ with its definitions,
each service and the gateway a process, and a supervisor that starts again what has ended, as `restart: unless-stopped` does.

Must not be broken: nothing but the supervisor mends anything, and everything that was started here is ended here.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx

from deploy.secrets import OWNER, SIDES, make_secrets
from shared.kit.data_folder import DataFolder
from shared.kit.migrations import migrate
from shared.kit.postgres import EmbeddedPostgres
from shared.kit.postgres.postmaster import running_postmaster
from shared.kit.postgres.server import PORT, ROLE
from shared.kit.tasks import ended
from tests.faults.disk import Disk
from tests.faults.patience import until
from tests.faults.tcp_proxy import TcpProxy
from tests.house import ROOT
from tests.rabbitmq import RabbitNode
from tests.system.figures import Figures
from tests.system.process import Program
from tests.system.product import LONGEST_ANSWER_SECONDS, Product
from tests.unit.licensefile.made import KEY

SERVICES = ("ledger", "licensefile", "calculator", "alarms")
VHOST = "licensing"
_LOOK_SECONDS = 0.1
_READY_SECONDS = 90.0


@dataclass
class Production:
    """What runs. ``programs``: the processes by name, a replica is ``ledger-2``. ``lines``: the breakable ways, ``<from>→<to>``."""

    folder: Path
    disk: Disk
    postgres: EmbeddedPostgres
    broker: RabbitNode
    secrets: Path
    settings: Mapping[str, str]
    programs: dict[str, Program] = field(default_factory=dict)
    lines: dict[str, TcpProxy] = field(default_factory=dict)
    held_down: set[str] = field(default_factory=set)
    """Programs that the supervisor leaves alone."""
    restarts: int = 0

    @property
    def url(self) -> str:
        return self.programs["gateway"].url

    @property
    def key(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret('first_caller_key')}"}

    def secret(self, name: str) -> str:
        return (self.secrets / name).read_text().strip()

    def replicas(self, service: str) -> list[str]:
        """The names of the processes of one service."""
        return sorted(name for name in self.programs if name.partition("-")[0] == service)

    def signal(self, names: Iterable[str], number: signal.Signals) -> None:
        for name in names:
            self.programs[name].signal(number)

    async def ready(self) -> None:
        """Wait until every process says that it can work."""
        await asyncio.gather(*(self._ready(name) for name in self.programs))

    async def _ready(self, name: str) -> None:
        deadline = asyncio.get_running_loop().time() + _READY_SECONDS
        while (found := await self.programs[name].health())[0] != httpx.codes.OK:
            if asyncio.get_running_loop().time() > deadline:
                raise AssertionError(f"{name} is not ready: {found}; it said: {self.programs[name].said()[-3000:]}")
            await asyncio.sleep(_LOOK_SECONDS)

    async def supervise(self) -> None:
        """Start again what has ended, until cancelled."""
        while True:
            for name, program in self.programs.items():
                if name not in self.held_down and program.running is not None and program.running.poll() is not None:
                    self.restarts += 1
                    program.start()
            await asyncio.sleep(_LOOK_SECONDS)

    async def again(self, name: str, restarts: int) -> None:
        """Wait until the supervisor has started more than so many, and this one can work."""

        async def look() -> bool:
            return self.restarts > restarts

        await until(look, f"{name} is started again")
        await self._ready(name)

    async def revive_database(self) -> None:
        """What the restart policy does where the server gave itself up; nothing when it runs."""
        if running_postmaster(self.disk.path / "data" / "pgdata") is None:
            await self.postgres.start_again()

    async def mend(self) -> None:
        """Undo every fault that can be done to it."""
        for line in self.lines.values():
            line.resume()
        for program in self.programs.values():
            if program.running is not None and program.running.poll() is None:
                program.signal(signal.SIGCONT)
        self.held_down.clear()
        self.disk.make_room()
        await self.revive_database()
        if not self.broker.runs:
            await self.broker.start()
        await self.broker.start_app()

    async def ask(self, statement: str, *values: Any) -> list[Any]:
        """Rows, seen from behind the product's back as the owner of everything."""
        where = {"host": str(self.postgres.socket_folder), "port": PORT, "database": "licensing"}
        connection = await asyncpg.connect(**where, user=ROLE, password=_password(self.postgres))
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()

    async def figures(self, name: str) -> Figures:
        """/metrics of one process."""
        async with httpx.AsyncClient(timeout=LONGEST_ANSWER_SECONDS) as client:
            return Figures.read((await client.get(f"{self.programs[name].url}/metrics")).raise_for_status().text)


def _password(postgres: EmbeddedPostgres) -> str:
    found = httpx.URL(postgres.url().replace("postgresql+asyncpg", "http", 1)).password
    assert found
    return found


@asynccontextmanager
async def production(
    settings: Mapping[str, str], *, ledgers: int, broken: Iterable[str] = (), small_disk: bool = False
) -> AsyncIterator[Production]:
    """Start everything; ended afterwards. ``settings``: LICENSING_* of every process.

    ``broken``: ways that lead through a proxy, ``ledger-1→database``, ``alarms→broker``, ``gateway→ledger-1``.
    ``small_disk``: the database lies on a disk that can be filled.
    """
    async with AsyncExitStack() as undo:
        folder = undo.enter_context(_folder())
        disk = undo.enter_context((Disk.mounted if small_disk else Disk.plain)(folder / "disk"))
        data = DataFolder.open(disk.path / "data")
        undo.callback(data.close)
        postgres = await EmbeddedPostgres.start(data)
        undo.push_async_callback(postgres.stop, "immediate")
        secrets = folder / "secrets"
        make_secrets(SIDES["customer"], secrets)
        (secrets / "trusted-keys" / "vendor.pub").write_text(KEY.public_key().public_bytes_raw().hex() + "\n")
        broker = await RabbitNode.make()
        undo.push_async_callback(broker.remove)
        made = Production(folder, disk, postgres, broker, secrets, settings)
        await asyncio.gather(_define(broker, secrets), _prepare_database(made))
        undo.push_async_callback(_end_all, made)
        await _begin_all(made, ledgers, set(broken))
        undo.push_async_callback(ended, [asyncio.create_task(made.supervise(), name="supervisor")])
        await made.ready()
        yield made


@contextmanager
def _folder() -> Iterator[Path]:
    """Short, and passable for the accounts of the database and the broker."""
    made = Path(tempfile.mkdtemp(prefix="lic-", dir="/tmp"))
    made.chmod(0o711)
    try:
        yield made
    finally:
        shutil.rmtree(made)


async def _define(broker: RabbitNode, secrets: Path) -> None:
    """Users, rights, exchange and queues, as the image loads them at its start."""
    mine = broker.folder / "definitions.json"
    mine.write_bytes((secrets / "rabbitmq_definitions").read_bytes())
    mine.chmod(0o644)
    await broker.control("import_definitions", str(mine))
    await broker.control("set_permissions", "--vhost", VHOST, "guest", ".*", ".*", ".*")


async def _prepare_database(made: Production) -> None:
    """Roles as the image makes them, then every schema at its head."""
    postgres = made.postgres
    environment = {
        "PATH": f"{postgres.bin_dir}:{os.environ.get('PATH', os.defpath)}",
        "PGHOST": str(postgres.socket_folder),
        "PGPORT": str(PORT),
        "PGUSER": ROLE,
        "PGPASSWORD": _password(postgres),
        "LICENSING_SIDE": "customer",
        "LICENSING_SECRETS_DIR": str(made.secrets),
    }
    command = ["bash", str(ROOT / "deploy" / "postgres" / "roles.sh")]
    done = await asyncio.to_thread(subprocess.run, command, check=False, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in (*SERVICES, "gateway"):
        folder = ROOT / ("gateway" if name == "gateway" else f"services/{name}") / "migrations"
        await migrate(_database_url(made, OWNER), name, folder)


def _database_url(made: Production, role: str, port: int | None = None) -> str:
    """By the server's socket, or by a ``port`` that leads to it."""
    password = quote(made.secret(f"database_password_{role}"), safe="")
    if port is not None:
        return f"postgresql+asyncpg://{role}:{password}@127.0.0.1:{port}/licensing"
    return f"postgresql+asyncpg://{role}:{password}@/licensing?host={made.postgres.socket_folder}&port={PORT}"


async def _begin_all(made: Production, ledgers: int, broken: set[str]) -> None:
    names = [*(f"ledger-{number}" for number in range(1, ledgers + 1)), *SERVICES[1:], "gateway"]
    for name in names:
        module = "gateway" if name == "gateway" else f"services.{name.partition('-')[0]}"
        made.programs[name] = Program(module, {}, made.folder / f"{name}.log")
    for way in sorted(broken):
        start, _, end = way.partition("→")
        made.lines[way] = TcpProxy(_target(made, end))
        await made.lines[way].listen()
        assert start in made.programs
    for name, program in made.programs.items():
        program.settings = {**made.settings, **_settings_of(made, name)}
        program.start()


def _target(made: Production, end: str) -> tuple[str, int] | Path:
    if end == "database":
        return made.postgres.socket_folder / f".s.PGSQL.{PORT}"
    return ("127.0.0.1", made.broker.port if end == "broker" else made.programs[end].port)


def _settings_of(made: Production, name: str) -> dict[str, str]:
    """As docker-compose.yml gives them."""
    service = name.partition("-")[0]

    def way(end: str) -> int | None:
        line = made.lines.get(f"{name}→{end}")
        return line.port if line else None

    def at(service: str) -> str:
        return ",".join(f"http://127.0.0.1:{way(each) or made.programs[each].port}" for each in made.replicas(service))

    settings = {"LICENSING_DATABASE_URL": _database_url(made, service, way("database"))}
    if service == "gateway":
        return settings | {
            "LICENSING_IDENTITY_KEY_FILE": str(made.secrets / "identity_key"),
            "LICENSING_UPSTREAMS": " ".join(f"{upstream}={at(upstream)}" for upstream in SERVICES),
            "LICENSING_FIRST_CALLER": "admin",
            "LICENSING_FIRST_CALLER_KEY": made.secret("first_caller_key"),
        }
    settings |= {
        "LICENSING_AMQP_URL": made.broker.url_of(VHOST, service, made.secret(f"broker_password_{service}"), way("broker")),
        "LICENSING_DECLARE_TOPOLOGY": "false",
        "LICENSING_IDENTITY_KEYS_FILE": str(made.secrets / "identity_keys"),
    }
    if service in {"licensefile", "calculator"}:
        settings["LICENSING_LEDGER_URL"] = at("ledger")
    if service == "licensefile":
        settings["LICENSING_TRUSTED_KEYS_DIR"] = str(made.secrets / "trusted-keys")
    return settings


async def _end_all(made: Production) -> None:
    for name, program in made.programs.items():
        made.held_down.add(name)
        if program.running is not None and program.running.poll() is None:
            program.signal(signal.SIGKILL)
            await program.ended()
    for line in made.lines.values():
        await line.close()


@asynccontextmanager
async def administrator(made: Production) -> AsyncIterator[Product]:
    """The customer's administrator; the vendor's desk is not part of this installation."""
    async with httpx.AsyncClient(base_url=made.url, headers=made.key, timeout=LONGEST_ANSWER_SECONDS) as admin:
        yield Product(admin, admin)


async def until_handed_over(made: Production) -> None:
    """Wait until no outbox holds an event that is still to be told."""

    async def nothing_waits() -> bool:
        ages = [await made.figures(name) for name in made.programs if name != "gateway"]
        return all(figure.value == 0 for figures in ages for figure in figures.matching("license_outbox_oldest_seconds"))

    await until(nothing_waits, "every event is handed over")
