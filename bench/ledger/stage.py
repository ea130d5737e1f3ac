"""A ledger, the clusters made there, and what it is told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from bench.figures import Lost
from bench.ledger.postgres import Postgres
from bench.ledger.processes import Processes, Program
from bench.ledger.tally import Tally
from shared.contracts.base import Event
from shared.contracts.events.calculator import CataloguePublished, RatedType
from shared.contracts.events.licensefile import GrantLine, LicenseFileInstalled
from shared.kit.clock import SystemClock
from shared.kit.transaction import envelope_of
from tests.system.product import mac

PRICES = {"cisco-7902": 1, "cisco-7920": 4, "cisco-7970": 5}
UNITS = 1_000_000_000
JSON = {"Content-Type": "application/json"}
_FIRST_FILE_ID = 20_260_314_092_653_000
_SECONDS = 300.0


@dataclass
class Stage:
    """One ledger process. Every file that is granted has a number of its own."""

    processes: Processes
    ledger: Program
    tally: Tally
    files: int = 0

    @property
    def postgres(self) -> Postgres:
        return self.processes.postgres

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        """To the ledger itself, as the gateway would ask."""
        url, headers = f"http://127.0.0.1:{self.ledger.port}", self.processes.identity()
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=_SECONDS) as client:
            yield client

    async def tell(self, event: Event) -> None:
        """Let the ledger hear an event; returns when it has it for good."""
        async with self.client() as client:
            (await client.post("/bench/events", content=envelope_text(event), headers=JSON)).raise_for_status()

    async def price(self) -> None:
        """The catalogue."""
        types = [RatedType(device_type=name, label=name, units=units) for name, units in PRICES.items()]
        await self.tell(CataloguePublished(version=1, device_types=types))

    async def cluster(self, name: str, units: int = UNITS) -> str:
        """A cluster with one node and so many units granted by a file."""
        async with self.client() as client:
            (await client.put(f"/v1/clusters/{name}", json={"product_version": "5.0", "starter": False})).raise_for_status()
            await self.tell(self.grant(name, units))
            node = {"mac": mac(self.files), "first": True}
            (await client.put(f"/v1/clusters/{name}/nodes/{name}-cm1", json=node)).raise_for_status()
        return name

    def grant(self, cluster: str, units: int) -> LicenseFileInstalled:
        """A file of so many units and one node, not told yet."""
        self.files += 1
        return granted_file(self.files, cluster, units)

    async def verified(self, cluster: str) -> str:
        """What the journal's verification says. Raises Lost where the chain is broken."""
        async with self.client() as client:
            answer = await client.get(f"/v1/clusters/{cluster}/journal/verification")
        if answer.status_code != httpx.codes.OK:
            raise Lost(f"the journal of {cluster} cannot be verified: {answer.status_code}")
        told: dict[str, Any] = answer.json()
        if not told["intact"]:
            raise Lost(f"{cluster}: the journal's chain is broken: {told}")
        return f"{told['entries']} entries, chain intact"


def envelope_text(event: Event) -> str:
    """As it travels."""
    return envelope_of(event, event.type.split(".")[0], SystemClock().now()).model_dump_json()


def granted_file(number: int, cluster: str, units: int) -> LicenseFileInstalled:
    """A file of so many units and one node; ``number`` makes it another one than all others."""
    file_id = str(_FIRST_FILE_ID + number)
    given = {"PHONE_UNIT": units, "CCM_NODE": 1}
    lines = [
        GrantLine(line_id=line, feature=feature, units=count, overdraft_units=0, major=5)
        for line, (feature, count) in enumerate(given.items(), 1)
    ]
    return LicenseFileInstalled(
        cluster=cluster,
        license_file_id=file_id,
        version=1,
        file_name=f"{file_id}.lic",
        mac=mac(number),
        installed_at=SystemClock().now(),
        expires_at=None,
        lines=lines,
        replaces=[],
    )
