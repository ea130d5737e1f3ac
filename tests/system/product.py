"""A running product as its two users see it over HTTP: the customer's administrator and the vendor's desk."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.house import eventually
from tests.system.figures import Figures
from tests.system.instance import Place

EMAIL = "it@example.com"
LONGEST_ANSWER_SECONDS = 10
Body = dict[str, Any]


def mac(number: int) -> str:
    """A server's address, another one for every number."""
    return f"0015C5{number:06X}"


@dataclass(frozen=True)
class LicenseFile:
    license_file_id: str
    name: str
    content: bytes


@dataclass(frozen=True)
class Product:
    """Both sides of one instance. No call waits longer than ``LONGEST_ANSWER_SECONDS``: a hanging answer fails the test."""

    admin: httpx.AsyncClient
    vendor: httpx.AsyncClient

    async def read(self, path: str, **query: str) -> Any:
        return (await self.admin.get(path, params=query)).raise_for_status().json()

    async def make_cluster(self, cluster: str, address: str, *, starter: bool = True) -> None:
        """A cluster of version 5.0 with its first node."""
        made = await self.admin.put(f"/v1/clusters/{cluster}", json={"product_version": "5.0", "starter": starter})
        assert made.status_code == 201, made.text
        node = await self.admin.put(f"/v1/clusters/{cluster}/nodes/{cluster}-cm1", json={"mac": address, "first": True})
        assert node.status_code == 201, node.text

    async def approved_pak(self, nodes: int, units: int) -> str:
        wanted = {"customer": "Example Ltd", "email": EMAIL, "product_version": "5.0", "nodes": nodes, "units": units, "split": "allowed"}
        order = (await self.vendor.post("/v1/orders", json=wanted)).raise_for_status().json()
        approved = await self.vendor.post(f"/v1/orders/{order['order_id']}/approval")
        return str(approved.raise_for_status().json()["pak"])

    async def file_for(self, address: str, nodes: int, units: int) -> LicenseFile:
        """An order of its own, registered as a whole to a MAC."""
        wanted = {"pak": await self.approved_pak(nodes, units), "mac": address, "email": EMAIL}
        made = (await self.vendor.post("/v1/registrations", json=wanted)).raise_for_status().json()
        content = (await self.vendor.get(f"/v1/registrations/{made['license_file_id']}/license-file")).raise_for_status().content
        return LicenseFile(made["license_file_id"], made["file_name"], content)

    async def upload(self, cluster: str, file: LicenseFile) -> httpx.Response:
        return await self.admin.post(f"/v1/clusters/{cluster}/license-files", files={"file": (file.name, file.content)})

    async def install(self, cluster: str, file: LicenseFile) -> None:
        """Upload, and wait until its units are there."""
        answer = await self.upload(cluster, file)
        assert answer.status_code == 201, answer.text
        await self.granted(cluster, file)

    async def granted(self, cluster: str, file: LicenseFile) -> None:
        async def look() -> bool:
            return bool((await self.read(f"/v1/clusters/{cluster}/license-files/{file.license_file_id}"))["granted"])

        await eventually(look, f"{file.name} is granted")

    async def put_device(self, cluster: str, device: str, device_type: str) -> httpx.Response:
        return await self.admin.put(f"/v1/clusters/{cluster}/devices/{device}", json={"device_type": device_type})

    async def remove_device(self, cluster: str, device: str) -> None:
        (await self.admin.delete(f"/v1/clusters/{cluster}/devices/{device}")).raise_for_status()

    async def pool(self, cluster: str, feature: str = "PHONE_UNIT") -> Body:
        """A feature of the cluster's unit report."""
        features = (await self.read(f"/v1/clusters/{cluster}/unit-report"))["features"]
        found: Body = next(each for each in features if each["feature"] == feature)
        return found

    async def alarms(self, name: str, subject: str) -> list[Body]:
        """All of one name about one subject, standing and cleared, newest first."""
        return [alarm for alarm in (await self.read("/v1/alarms", name=name))["items"] if alarm["subject"] == subject]

    async def alarm(self, name: str, subject: str, state: str) -> Body:
        """Wait until the newest alarm about the subject stands so."""

        async def look() -> Body:
            newest: Body = next(iter(await self.alarms(name, subject)), {})
            return newest if newest.get("state") == state else {}

        return await eventually(look, f"{name} about {subject} is {state}")

    async def figures(self) -> Figures:
        return Figures.read((await self.admin.get("/metrics")).raise_for_status().text)


@asynccontextmanager
async def users_of(place: Place) -> AsyncIterator[Product]:
    """Clients with the keys that lie in the place."""
    async with (
        httpx.AsyncClient(base_url=place.url, headers=place.key("admin.key"), timeout=LONGEST_ANSWER_SECONDS) as admin,
        httpx.AsyncClient(base_url=place.url, headers=place.key("vendor.key"), timeout=LONGEST_ANSWER_SECONDS) as vendor,
    ):
        yield Product(admin, vendor)


def problem_of(answer: httpx.Response) -> Body:
    """The body of a well-formed problem."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text[:500]
    problem: Body = answer.json()
    assert {"type", "title", "status", "detail", "trace_id"} <= problem.keys()
    assert problem["status"] == answer.status_code
    assert problem["type"].startswith("urn:licensing:problem:")
    assert all(problem[name] for name in ("title", "detail"))
    assert len(problem["trace_id"]) == 32
    return problem
