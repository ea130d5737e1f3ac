"""What is measured, asked through the gateway by a client that is fast enough not to be what is measured."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.faults.patience import until
from tests.faults.production import Production, administrator, until_all_is_handled
from tests.system.product import Product, mac
from tests.unit.licensefile.made import made_file, made_line

_FIRST_FILE_ID = 20_260_314_092_653_000


class Lost(Exception):
    """Something acknowledged is not there, or there twice: no figure counts any more."""


@dataclass
class BenchStage:
    """A running installation and its administrator."""

    production: Production
    http: aiohttp.ClientSession
    product: Product
    clusters: int = 0

    async def make_cluster(self, name: str, units: int, overdraft: int) -> None:
        """A cluster with so many units granted and none in use."""
        address, file_id = mac(self.clusters), str(_FIRST_FILE_ID + self.clusters)
        self.clusters += 1
        await self.product.make_cluster(name, address, starter=False)
        given: dict[str, Any] = {"mac": address, "license_file_id": file_id}
        unit_line = made_line(1, units=units, overdraft_units=overdraft, **given)
        content = made_file(unit_line, made_line(2, feature="CCM_NODE", units=1, overdraft_units=0, **given))
        path = f"/v1/clusters/{name}/license-files"
        (await self.product.admin.post(path, files={"file": (f"{file_id}.lic", content)})).raise_for_status()

        async def granted() -> bool:
            return bool((await self.product.pool(name))["authorized"] == units)

        await until(granted, f"{units} units are granted to {name}")

    async def read(self, path: str, **query: str) -> Any:
        async with self.http.get(path, params=query) as answer:
            answer.raise_for_status()
            return await answer.json()

    async def check_out(self, cluster: str, device: str, device_type: str) -> None:
        """Raises Lost for anything but a new holding: every name is used once."""
        async with self.http.put(f"/v1/clusters/{cluster}/devices/{device}", json={"device_type": device_type}) as answer:
            if answer.status != 201:
                raise Lost(f"check-out of {device} in {cluster}: {answer.status} {(await answer.text())[:300]}")
            await answer.read()

    async def check_in(self, cluster: str, device: str) -> None:
        async with self.http.delete(f"/v1/clusters/{cluster}/devices/{device}") as answer:
            if answer.status != 204:
                raise Lost(f"check-in of {device} in {cluster}: {answer.status} {(await answer.text())[:300]}")

    async def settled(self) -> None:
        """Wait until every event is handed over; raises Lost where one was put aside."""
        await until_all_is_handled(self.production)
        for name in self.production.programs:
            dead = (await self.production.figures(name)).matching("license_dead_letter_rows")
            if any(figure.value for figure in dead):
                raise Lost(f"{name} put events aside: {dead}")

    async def check_used(self, cluster: str, units: int) -> None:
        """Raises Lost unless pool and holdings both say so many units."""
        report = await self.product.read(f"/v1/clusters/{cluster}/unit-report")
        used = next(each["used"] for each in report["features"] if each["feature"] == "PHONE_UNIT")
        held = sum(each["units"] for each in report["device_types"])
        if not used == held == units:
            raise Lost(f"{cluster}: {units} units acknowledged, the pool says {used}, its holdings {held}")


@asynccontextmanager
async def bench_stage(made: Production) -> AsyncIterator[BenchStage]:
    """With as many connections as somebody asks for."""
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        aiohttp.ClientSession(made.url, headers=made.key, connector=connector) as http,
        administrator(made) as product,
    ):
        yield BenchStage(made, http, product)
