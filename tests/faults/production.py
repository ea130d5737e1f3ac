"""The customer's side as docker-compose.yml describes it (``tests/system/installation.py``), with what breaking and measuring need besides:
a supervisor that starts again what has ended, as `restart: unless-stopped` does; ways between processes that lead through a proxy; and a
disk for the database that can be filled.

Must not be broken: nothing but the supervisor mends anything, and everything that was started here is ended here.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from sqlalchemy import make_url

from shared.contracts.readers import READERS, types_read_by
from shared.kit.postgres.postmaster import running_postmaster
from shared.kit.postgres.server import PORT, ROLE
from shared.kit.tasks import ended
from tests.faults.disk import Disk
from tests.faults.patience import until
from tests.faults.tcp_proxy import Target, TcpProxy
from tests.rabbitmq import GUEST, RabbitNode
from tests.system.figures import Figures
from tests.system.installation import Installation, Replica
from tests.system.product import LONGEST_ANSWER_SECONDS, Product
from tests.unit.licensefile.made import KEY

VHOST = "licensing"
_LOOK_SECONDS = 0.1


class Production(Installation):
    """``programs``: the processes by name, of several replicas ``ledger-1``, ``ledger-2``. ``lines``: the breakable ways, ``<from>→<to>``.

    ``held_down``: what the supervisor leaves alone. ``restarts``: how often it started something again.
    """

    disk: Disk

    async def prepare(self, settings: Mapping[str, str], broken: Iterable[str]) -> None:
        """Settings for every process, proxies on the ways in ``broken``, and the key with which the tests sign as a vendor."""
        self.programs: dict[str, Replica] = {}
        for name, each in self.replicas.items():
            self.programs |= {name if len(each) == 1 else f"{name}-{number}": replica for number, replica in enumerate(each, 1)}
        self.lines: dict[str, TcpProxy] = {}
        self.held_down: set[str] = set()
        self.restarts = 0
        for program in self.programs.values():
            program.environment = {**program.environment, **settings}
        for way in broken:
            await self._lead_through_proxy(way)
        key = self.folder / "secrets" / "trusted-keys" / "tests.pub"
        key.write_text(KEY.public_key().public_bytes_raw().hex() + "\n", "utf-8")
        await self.broker.control("set_permissions", "--vhost", VHOST, GUEST, ".*", ".*", ".*")

    async def _lead_through_proxy(self, way: str) -> None:
        start, _, end = way.partition("→")
        self.lines[way] = line = TcpProxy(self._target(end))
        await line.listen()
        program = self.programs[start]
        given, secrets = dict(program.environment), Path(program.environment["LICENSING_SECRETS_DIR"])
        if end == "database":
            url = make_url((secrets / "licensing_database_url").read_text("utf-8"))
            given["LICENSING_DATABASE_URL"] = url.set(host="127.0.0.1", port=line.port, query={}).render_as_string(hide_password=False)
        elif end == "broker":
            url = make_url((secrets / "licensing_amqp_url").read_text("utf-8"))
            given["LICENSING_AMQP_URL"] = url.set(host="127.0.0.1", port=line.port).render_as_string(hide_password=False)
        else:
            replaced = given["LICENSING_UPSTREAMS"].replace(self.programs[end].url, f"http://127.0.0.1:{line.port}")
            assert replaced != given["LICENSING_UPSTREAMS"]
            given["LICENSING_UPSTREAMS"] = replaced
        program.environment = given

    def _target(self, end: str) -> Target:
        if end == "database":
            return self.postgres.socket_folder / f".s.PGSQL.{PORT}"
        there = httpx.URL(self.programs[end].url) if end != "broker" else httpx.URL(f"http://127.0.0.1:{self.broker.port}")
        assert there.port is not None
        return there.host, there.port

    @property
    def url(self) -> str:
        return self.urls[0]

    @property
    def key(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.first_key.read_text('utf-8').strip()}"}

    def names_of(self, service: str) -> list[str]:
        """The names of the processes of one service."""
        return sorted(name for name in self.programs if name.partition("-")[0] == service)

    def signal(self, names: Iterable[str], number: signal.Signals) -> None:
        for name in names:
            self.programs[name].signal(number)

    async def ready(self) -> None:
        """Wait until every process says that it can work; one that has ended is the supervisor's."""
        await asyncio.gather(*(self._ready(name) for name in self.programs))

    async def _ready(self, name: str) -> None:
        async def look() -> bool:
            async with httpx.AsyncClient(base_url=self.programs[name].url) as client:
                return (await client.get("/readyz")).status_code == httpx.codes.OK

        await until(look, f"{name} is ready", patience=90)

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
        if running_postmaster(self.folder / "data" / "pgdata") is None:
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
        password = make_url(self.postgres.url()).password
        where = {"host": str(self.postgres.socket_folder), "port": PORT, "database": "licensing"}
        connection = await asyncpg.connect(**where, user=ROLE, password=password)
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()

    async def figures(self, name: str) -> Figures:
        """/metrics of one process."""
        async with httpx.AsyncClient(timeout=LONGEST_ANSWER_SECONDS) as client:
            return Figures.read((await client.get(f"{self.programs[name].url}/metrics")).raise_for_status().text)

    async def remove(self) -> None:
        for line in getattr(self, "lines", {}).values():
            await line.close()
        await super().remove()

    def _new_folder(self) -> Path:
        folder = super()._new_folder()
        self.disk = Disk.plain(folder / "data")
        return folder


class ProductionOnSmallDisk(Production):
    """Its database lies on a disk that can be filled, where this machine lets us mount one. Nothing there outlives the machine."""

    def _new_folder(self) -> Path:
        folder = Installation._new_folder(self)
        self.disk = Disk.mounted(folder / "data")
        return folder

    def _forget_folder(self) -> None:
        self.disk.unmount()
        super()._forget_folder()


@asynccontextmanager
async def production(
    settings: Mapping[str, str], *, ledgers: int, broken: Iterable[str] = (), small_disk: bool = False
) -> AsyncIterator[Production]:
    """Everything on a broker of its own, started; ended afterwards. ``settings``: LICENSING_* of every process.

    ``broken``: ways that lead through a proxy, ``ledger-1→database``, ``alarms→broker``, ``gateway→ledger-1``.
    """
    async with AsyncExitStack() as undo:
        broker = await RabbitNode.make()
        undo.push_async_callback(broker.remove)
        kind = ProductionOnSmallDisk if small_disk else Production
        made = await kind.make("customer", broker, {"ledger": ledgers}, durable=True)
        assert isinstance(made, Production)
        undo.push_async_callback(made.remove)
        await made.prepare(settings, broken)
        await made.up()
        undo.push_async_callback(ended, [asyncio.create_task(made.supervise(), name="supervisor")])
        yield made


@asynccontextmanager
async def administrator(made: Production) -> AsyncIterator[Product]:
    """The customer's administrator; the vendor's desk is not part of this installation."""
    async with httpx.AsyncClient(base_url=made.url, headers=made.key, timeout=LONGEST_ANSWER_SECONDS) as admin:
        yield Product(admin, admin)


async def until_all_is_handled(made: Production) -> None:
    """Wait until no outbox holds an event, and each that left one has been handled by every service that must hear it."""

    async def nothing_waits() -> bool:
        ages = [await made.figures(name) for name in made.programs if name != "gateway"]
        told = all(figure.value == 0 for figures in ages for figure in figures.matching("license_outbox_oldest_seconds"))
        return told and await unheard(made) == []

    await until(nothing_waits, "every event is handed over and handled")


async def unheard(made: Production) -> list[tuple[str, str]]:
    """Type and reader of each event that left its outbox and is in the reader's inbox not yet."""
    pairs = sorted({(kind.partition(".")[0], reader) for kind, readers in READERS.items() for reader in readers})
    asked = (
        f"SELECT envelope->>'type', '{reader}' FROM {owner}.handed_over AS told WHERE envelope->>'type' = ANY($1::text[])"
        f" AND NOT EXISTS (SELECT FROM {reader}.inbox AS heard WHERE heard.event_id = told.event_id)"
        for owner, reader in pairs
    )
    found: list[tuple[str, str]] = []
    for (_, reader), statement in zip(pairs, asked, strict=True):
        found += [(row[0], row[1]) for row in await made.ask(statement, sorted(types_read_by(reader)))]
    return found
