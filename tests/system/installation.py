"""The production shape without containers: each service of docker-compose.yml as processes, with the command, environment, secrets
and folders that stand there, on a real PostgreSQL and a real RabbitMQ.

    installation = await Installation.make("customer", broker, replicas={"ledger": 3}, otherwise=2)
    await installation.up()
    installation.replicas["ledger"][0].kill()
    ...
    await installation.remove()

A container's name becomes one loopback address for each replica, at the port that the compose file says; ``/run/secrets`` and what is
mounted become folders below ``installation.folder``. To put something between (a proxy that breaks), make a subclass with other
``database_of`` or ``broker_of``. Linux only: all of 127.0.0.0/8 is this machine.
"""

import asyncio
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
from sqlalchemy import make_url

from deploy.secrets import SIDES, make_secrets
from shared.kit.data_folder import DataFolder
from shared.kit.postgres import EmbeddedPostgres
from shared.kit.postgres.server import PORT, ROLE, Server
from tests.compose import RUN_SECRETS, Service, read_compose
from tests.house import ROOT
from tests.rabbitmq import RabbitNode

PATIENCE_SECONDS = 90.0
_STORES = {"customer": ("postgres", "rabbitmq"), "vendor": ("vendor-postgres", "vendor-rabbitmq")}
_ADDRESSED = re.compile(r"http://([\w-]+):(\d+)")


@dataclass
class Replica:
    """One process of a service. ``log``: what it and its predecessors said; ``root``: where its code stands."""

    service: Service
    address: str
    environment: Mapping[str, str]
    log: Path
    root: Path
    running: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.environment['LICENSING_PORT']}"

    def start(self) -> None:
        """Begin; returns at once."""
        with self.log.open("ab") as log:
            command = [sys.executable if word == "python" else word for word in self.service.command]
            self.running = subprocess.Popen(command, cwd=self.root, env=self.environment, stdout=log, stderr=log)

    def signal(self, number: int) -> None:
        assert self.running is not None
        self.running.send_signal(number)

    def kill(self) -> None:
        """As a power cut does; waits for the end, which nothing can delay."""
        assert self.running is not None
        self.running.kill()
        self.running.wait()

    async def stop(self) -> int:
        """SIGTERM; the exit code. Raises TimeoutExpired beyond the grace that the compose file gives."""
        assert self.running is not None
        self.running.terminate()
        grace = float(self.service.raw["stop_grace_period"].removesuffix("s"))
        return await asyncio.to_thread(self.running.wait, grace)

    async def ready(self) -> None:
        """Wait until /readyz is 200; fails with the log when the process ended or has not become ready."""
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        finding = "nobody listens"
        async with httpx.AsyncClient(base_url=self.url) as client:
            while asyncio.get_running_loop().time() < deadline:
                assert self.running is not None
                assert self.running.poll() is None, f"{self.service.name} ended: {self.said()}"
                try:
                    answer = await client.get("/readyz")
                    if answer.status_code == httpx.codes.OK:
                        return
                    finding = answer.text
                except httpx.TransportError:
                    pass  # it does not listen yet
                await asyncio.sleep(0.05)
        raise AssertionError(f"{self.service.name} at {self.url} is not ready: {finding}; {self.said()}")

    def is_healthy(self) -> bool:
        """What the compose file's own healthcheck says."""
        kind, *words = self.service.raw["healthcheck"]["test"]
        assert kind == "CMD"
        command = [sys.executable if word == "python" else word.replace("127.0.0.1", self.address) for word in words]
        return subprocess.run(command, env=self.environment, capture_output=True, check=False).returncode == 0

    def said(self) -> str:
        return self.log.read_text("utf-8", "replace")[-6000:]


@dataclass(frozen=True, slots=True)
class _ComposesServer(Server):
    """The embedded server with what the compose file adds to it (``-c name=value``)."""

    added: str = ""

    def _options(self) -> str:
        return f"{Server._options(self)} {self.added}"


def _composes_postgres(data: DataFolder, service: Service, durable: bool) -> EmbeddedPostgres:
    prepared = EmbeddedPostgres._prepared(data, durable)
    own = prepared._server
    added = " ".join(service.command[1:])
    server = _ComposesServer(own.bin_dir, own.account, own.pgdata, own.socket_folder, own.log, own.durable, added)
    return EmbeddedPostgres(server, prepared._password)


class Installation:
    """One side, its processes, its database and its secrets; the broker is the caller's."""

    def __init__(self, side: str, broker: RabbitNode, durable: bool, root: Path) -> None:
        """Folders and secrets; see ``make``."""
        self.side = side
        self.root = root
        self.broker = broker
        self.replicas: dict[str, list[Replica]] = {}
        self._compose = read_compose({"MAKE_SIGNING_KEY": "true"}, root)
        self._services = {service.name: service for service in self._compose.of(side)}
        self.folder = self._new_folder()
        make_secrets(SIDES[side], self.folder / "secrets")
        self._data = DataFolder.open(self.folder / "data")
        self.postgres = _composes_postgres(self._data, self._services[_STORES[side][0]], durable)

    @classmethod
    async def make(
        cls,
        side: str,
        broker: RabbitNode,
        replicas: Mapping[str, int] | None = None,
        otherwise: int = 1,
        *,
        durable: bool = False,
        root: Path = ROOT,
    ) -> "Installation":
        """Secrets, database with roles and schemas, broker with its definitions; no process yet. ``durable``: survives a loss of power.

        ``root``: another release's code, whose compose file and processes are taken; all else is set up by this one.
        """
        made = cls(side, broker, durable, root)
        try:
            await made.postgres.start_again()
            made._prepare(replicas or {}, otherwise)
            await made._set_up()
        except BaseException:
            await made.remove()
            raise
        return made

    @property
    def urls(self) -> list[str]:
        """Of this side's gateways."""
        return [replica.url for replica in self.replicas["gateway" if self.side == "customer" else "vendor-gateway"]]

    @property
    def first_key(self) -> Path:
        """The file of the first caller's key."""
        return self.folder / "secrets" / "first_caller_key"

    async def up(self) -> None:
        """Start everything in the order of the compose file, and wait until all are ready."""
        started: set[str] = set()
        while waiting := [name for name in self.replicas if name not in started]:
            for name in waiting:
                needed = [other for other in self._services[name].depends_on if other in self.replicas]
                if started.issuperset(needed):
                    await asyncio.gather(*(replica.ready() for other in needed for replica in self.replicas[other]))
                    for replica in self.replicas[name]:
                        replica.start()
                    started.add(name)
        await asyncio.gather(*(replica.ready() for each in self.replicas.values() for replica in each))

    async def down(self) -> dict[str, list[int]]:
        """SIGTERM to all that run; their exit codes, by service."""
        running = {name: [r for r in each if r.running and r.running.poll() is None] for name, each in self.replicas.items()}
        codes = {name: [asyncio.create_task(replica.stop()) for replica in each] for name, each in running.items()}
        return {name: list(await asyncio.gather(*each)) for name, each in codes.items()}

    async def remove(self) -> None:
        """End what still runs, and forget everything."""
        for replica in (replica for each in self.replicas.values() for replica in each):
            if replica.running is not None:
                replica.kill()
        await self.postgres.stop("immediate")
        self._data.close()
        self._forget_folder()

    def _new_folder(self) -> Path:
        """Everything lies below it, the database in ``data``. Others may pass it: the accounts of database and broker have to."""
        made = Path(tempfile.mkdtemp(prefix="lic-", dir="/tmp"))
        made.chmod(0o711)
        return made

    def _forget_folder(self) -> None:
        shutil.rmtree(self.folder)

    def trust(self, vendor: "Installation") -> None:
        """Bring the vendor's public key to this customer, as a file."""
        shutil.copy(vendor.folder / "volumes" / "vendor-public" / "vendor.pub", self.folder / "secrets" / "trusted-keys")

    def database_of(self, url: str) -> str:
        """Where the database of the compose file's ``url`` is here."""
        place = {"host": str(self.postgres.socket_folder), "port": str(PORT)}
        return make_url(url).set(host=None, port=None, query=place).render_as_string(hide_password=False)

    def broker_of(self, url: str) -> str:
        """Where the broker of the compose file's ``url`` is here."""
        return url.replace(f"@{_STORES[self.side][1]}:5672/", f"@127.0.0.1:{self.broker.port}/")

    def _prepare(self, replicas: Mapping[str, int], otherwise: int) -> None:
        """Addresses for all first: each is told of the others."""
        net = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}"  # beside another run of these tests
        numbers = iter(range(1, 255))
        serving = [s for s in self._services.values() if s.is_ours and not s.is_one_shot and s.command[-1:] == ["serve"]]
        addresses = {s.name: [f"{net}.{next(numbers)}" for _ in range(replicas.get(s.name, otherwise))] for s in serving}
        for service in serving:
            self.replicas[service.name] = [
                Replica(service, own, self._environment(service, addresses, own), self.folder / f"{service.name}-{number}.log", self.root)
                for number, own in enumerate(addresses[service.name])
            ]

    def _environment(self, service: Service, addresses: Mapping[str, list[str]], own: str) -> dict[str, str]:
        """The compose file's, with names and folders as they are here; of this machine's nothing that is a setting."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("LICENSING_")}
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
        places = {str(RUN_SECRETS): self._secrets_of(service)}
        places |= {str(mount.target): self._mounted(mount.source) for mount in service.mounts}
        given = {}
        for name, value in {"LICENSING_SECRETS_DIR": str(RUN_SECRETS), **service.environment}.items():
            for inside, here in places.items():
                value = value.replace(inside, str(here))
            value = value.replace("0.0.0.0", own)
            given[name] = _ADDRESSED.sub(lambda m: ",".join(f"http://{a}:{m[2]}" for a in addresses[m[1]]), value)
        return {**inherited, **given, "PATH": path}

    def _secrets_of(self, service: Service) -> Path:
        """A folder as the container sees it, with the addresses of here in URLs."""
        folder = self.folder / "run" / service.name
        folder.mkdir(parents=True, exist_ok=True)
        for target, secret in service.secrets.items():
            text = (self.folder / "secrets" / self._compose.secret_file(secret).name).read_text("utf-8")
            moved = {"licensing_database_url": self.database_of, "licensing_amqp_url": self.broker_of}.get(target.name, str)(text)
            (folder / target.name).write_text(moved, "utf-8")
        return folder

    def _mounted(self, source: str) -> Path:
        if source.startswith("./secrets/"):
            return self.folder / "secrets" / Path(source).name
        if source.startswith("."):
            return ROOT / source
        volume = self.folder / "volumes" / source
        volume.mkdir(mode=0o700, parents=True, exist_ok=True)
        return volume

    async def _set_up(self) -> None:
        """What the images of PostgreSQL and RabbitMQ do at their first start, then the migrations."""
        postgres, rabbitmq = (self._services[name] for name in _STORES[self.side])
        password = make_url(self.postgres.url()).password
        roles = next(mount.source for mount in postgres.mounts if mount.target.name == "docker-entrypoint-initdb.d")
        as_superuser = {"PGHOST": str(self.postgres.socket_folder), "PGUSER": ROLE, "PGPASSWORD": str(password)}
        environment = {**self._environment(postgres, {}, ""), **as_superuser}
        environment["PATH"] = f"{self.postgres.bin_dir}:{environment['PATH']}"
        for script in sorted((ROOT / roles).iterdir()):
            await _run([str(script)], environment)

        secret = next(secret for target, secret in rabbitmq.secrets.items() if target.name == "definitions.json")
        definitions = self.broker.folder / f"{secret}.json"
        shutil.copy(self.folder / "secrets" / self._compose.secret_file(secret).name, definitions)
        await self.broker.control("import_definitions", str(definitions))

        migrate = next(service for service in self._services.values() if service.is_one_shot)
        await _run(migrate.command, self._environment(migrate, {}, ""))


async def _run(command: list[str], environment: Mapping[str, str]) -> None:
    done = await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-4000:]}"
