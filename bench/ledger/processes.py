"""The processes that the bench starts: each with its log, ready before it is used, ended afterwards."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench.ledger.postgres import DATABASE, NOTHING, Postgres
from gateway.domain.key import new_key
from shared.kit.identity import IDENTITY_HEADER, IdentityIssuer, new_identity_keys
from tests.house import ROOT
from tests.system.instance import free_port

_PATIENCE_SECONDS = 60.0
LEDGER, EMPTY, GATEWAY, EMBEDDED = "bench.ledger.ledger_process", "bench.ledger.empty_process", "gateway", "gateway.embedded"


@dataclass
class Program:
    """``python -m <module> serve`` on a port of its own."""

    module: str
    port: int
    environment: Mapping[str, str]
    log: Path
    running: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Begin; returns at once."""
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", self.module, *([] if self.module == EMBEDDED else ["serve"])]
            self.running = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)

    async def ready(self, sign: str = "/readyz", headers: Mapping[str, str] | None = None) -> None:
        """Wait until ``sign`` is answered with 200."""
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}") as client, asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                if self.running is None or self.running.poll() is not None:
                    raise RuntimeError(f"{self.module} ended: {self.log.read_text('utf-8', 'replace')[-3000:]}")
                try:
                    if (await client.get(sign, headers=headers)).status_code == httpx.codes.OK:
                        return
                except httpx.TransportError:
                    pass  # it does not listen yet
                await asyncio.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        assert self.running is not None
        self.running.kill()
        self.running.wait()

    def stop(self) -> None:
        """SIGTERM; SIGKILL when that does not help within 30 s."""
        if self.running is None or self.running.poll() is not None:
            return
        self.running.send_signal(signal.SIGTERM)
        try:
            self.running.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()

    def forget_peak(self) -> None:
        """Begin anew with what ``peak_megabytes`` says."""
        assert self.running is not None
        Path(f"/proc/{self.running.pid}/clear_refs").write_text("5", "ascii")

    def peak_megabytes(self) -> float:
        """The most memory that the process ever had in use (VmHWM)."""
        assert self.running is not None
        lines = Path(f"/proc/{self.running.pid}/status").read_text("ascii").splitlines()
        kilobytes = next(line.split()[1] for line in lines if line.startswith("VmHWM:"))
        return round(int(kilobytes) / 1024, 1)


@dataclass
class Processes:
    """Ledgers, gateways and empty services on one database."""

    postgres: Postgres
    started: list[Program] = field(default_factory=list)
    key: str = field(default_factory=new_key)

    def __post_init__(self) -> None:
        private, public = new_identity_keys()
        self._issuer = IdentityIssuer(private)
        self.private_key, self._public = self.postgres.folder / "identity.json", self.postgres.folder / "identity-keys.json"
        self.private_key.write_text(json.dumps(private), "utf-8")
        self._public.write_text(json.dumps(public), "utf-8")

    def identity(self) -> dict[str, str]:
        """What a gateway would say of the caller, good for half a minute."""
        return {IDENTITY_HEADER: self._issuer.token_for("bench", "admin")}

    def bearer(self) -> dict[str, str]:
        """For a gateway."""
        return {"Authorization": f"Bearer {self.key}"}

    async def ledger(self) -> Program:
        """Started; it is not ready before it has prices, which the stage tells it."""
        program = self._made(LEDGER, {"LICENSING_IDENTITY_KEYS_FILE": str(self._public)})
        await self.again(program)
        return program

    async def again(self, program: Program) -> None:
        """Start a ledger, and wait until it hears."""
        program.start()
        await program.ready("/empty", self.identity())

    async def empty(self) -> Program:
        given = {"LICENSING_IDENTITY_KEYS_FILE": str(self._public), "LICENSING_DATABASE_URL": self.postgres.url(NOTHING)}
        return await self._ready(EMPTY, given)

    async def gateway(self, ledger: Program) -> Program:
        """The product's gateway before this ledger."""
        given = {
            "LICENSING_IDENTITY_KEY_FILE": str(self.private_key),
            "LICENSING_UPSTREAMS": f"ledger=http://127.0.0.1:{ledger.port}",
            "LICENSING_FIRST_CALLER": "admin",
            "LICENSING_FIRST_CALLER_KEY": self.key,
        }
        return await self._ready(GATEWAY, given)

    async def _ready(self, module: str, given: Mapping[str, str]) -> Program:
        program = self._made(module, given)
        program.start()
        await program.ready()
        return program

    def _made(self, module: str, given: Mapping[str, str]) -> Program:
        port = free_port()
        common = {"LICENSING_DATABASE_URL": self.postgres.url(), "LICENSING_PORT": str(port), "LICENSING_DRAIN_SECONDS": "0"}
        log = self.postgres.folder / f"{module.rpartition('.')[2]}-{port}.log"
        program = Program(module, port, {**without_settings(), **common, **given}, log)
        self.started.append(program)
        return program


def without_settings() -> dict[str, str]:
    """This process's environment without what would be a setting."""
    return {name: value for name, value in os.environ.items() if not name.startswith("LICENSING_")}


@asynccontextmanager
async def processes_on(postgres: Postgres) -> AsyncIterator[Processes]:
    """Schemas made; what was started is ended afterwards."""
    wanted = (("services.ledger", DATABASE), ("gateway", DATABASE), ("services.ledger", NOTHING))
    await asyncio.gather(*(_migrated(postgres, *each) for each in wanted))
    made = Processes(postgres)
    try:
        yield made
    finally:
        for program in made.started:
            program.stop()


async def _migrated(postgres: Postgres, module: str, database: str) -> None:
    environment = {**without_settings(), "LICENSING_DATABASE_URL": postgres.url(database)}
    command, quiet = [sys.executable, "-m", module, "migrate"], asyncio.subprocess.DEVNULL
    child = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment, stdout=quiet)
    if await child.wait():
        raise RuntimeError(f"{module} migrate ended with {child.returncode}")
