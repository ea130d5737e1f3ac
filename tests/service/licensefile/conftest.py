"""The service on a real database, beside a ledger that says what a test lets it say."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.licensefile.app import create_app
from services.licensefile.settings import LicenseFileSettings
from shared.contracts.events.ledger import ClusterChanged, ClusterNode
from shared.kit.clock import TestClock
from shared.kit.metrics import Metrics
from tests.house import RememberingBus, running
from tests.unit.licensefile.made import KEY, MAC

CREATED_AT = "2026-03-01T00:00:00Z"


@dataclass
class StubLedger:
    """Clusters as the ledger would tell of them; ``away`` makes it fail."""

    clusters: dict[str, dict[str, Any]] = field(default_factory=dict)
    migrations: dict[str, dict[str, Any]] = field(default_factory=dict)
    features: list[dict[str, Any]] = field(default_factory=list)
    granted: list[str] = field(default_factory=list)
    away: bool = False

    def put(self, name: str, *macs: str, version: int = 1, product_version: str = "5.0", starter: bool = False) -> None:
        nodes = [{"node": f"cm{number}", "mac": mac, "first": number == 1} for number, mac in enumerate(macs, 1)]
        self.clusters[name] = {
            "cluster": name,
            "product_version": product_version,
            "version": version,
            "starter": starter,
            "migrated": False,
            "frozen": False,
            "license_manager": None,
            "nodes": nodes,
            "license_file_ids": [],
            "created_at": CREATED_AT,
        }

    def changed(self, name: str) -> ClusterChanged:
        """The event that the ledger would have published."""
        body = self.clusters[name]
        nodes = [ClusterNode(**node) for node in body["nodes"]]
        return ClusterChanged(cluster=name, version=body["version"], product_version=body["product_version"], nodes=nodes)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.away:
            raise httpx.ConnectError("refused")
        match request.url.path.strip("/").split("/"):
            case ["v1", "clusters", name] if name in self.clusters:
                return httpx.Response(200, json=self.clusters[name])
            case ["v1", "clusters", name, "unit-report"] if name in self.clusters:
                return httpx.Response(200, json=self._report(name))
            case ["v1", "clusters", name, "migration"] if name in self.migrations:
                return httpx.Response(200, json=self.migrations[name])
        return httpx.Response(404)

    def _report(self, name: str) -> dict[str, Any]:
        starter = {"license_file_id": "starter", "state": "starter", "granted": True, "nodes": 1, "units": 50, "overdraft_units": 0}
        files = [{**starter, "license_file_id": file_id, "state": "installed"} for file_id in self.granted]
        return {
            "cluster": name,
            "product_version": "5.0",
            "frozen": False,
            "license_manager": {"node": None, "mac": None, "status": "none"},
            "features": self.features,
            "device_types": [],
            "license_files": files or [starter],
            "at": CREATED_AT,
        }


@pytest.fixture
def ledger() -> StubLedger:
    stub = StubLedger()
    stub.put("headquarters", MAC)
    stub.put("branch", MAC)
    return stub


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """The folder of trusted keys, with one."""
    folder = tmp_path / "keys"
    folder.mkdir()
    (folder / "vendor.pub").write_text(KEY.public_key().public_bytes_raw().hex() + "\n")
    return folder


@pytest.fixture
def app(database_url: str, bus: RememberingBus, clock: TestClock, metrics: Metrics, ledger: StubLedger, keys: Path) -> FastAPI:
    settings = LicenseFileSettings(database_url=database_url, ledger_url="http://ledger", trusted_keys_dir=keys, review_seconds=3600)
    return create_app(settings, bus, clock, metrics, ledger=httpx.MockTransport(ledger))


@pytest.fixture
async def desk(app: FastAPI) -> AsyncIterator["Desk"]:
    async with running(app) as client:
        yield Desk(client, app)


@dataclass
class Desk:
    """The service through its doors."""

    http: httpx.AsyncClient
    app: FastAPI

    async def upload(
        self, content: bytes, cluster: str = "headquarters", name: str = "a.lic", headers: dict[str, str] | None = None
    ) -> httpx.Response:
        return await self.http.post(f"/v1/clusters/{cluster}/license-files", files={"file": (name, content)}, headers=headers)

    async def verify(self, content: bytes, cluster: str = "headquarters", name: str = "a.lic") -> httpx.Response:
        return await self.http.post("/v1/license-file-verifications", params={"cluster": cluster}, files={"file": (name, content)})

    async def file(self, file_id: str, cluster: str = "headquarters") -> dict[str, Any]:
        answer = await self.http.get(f"/v1/clusters/{cluster}/license-files/{file_id}")
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def listed(self, cluster: str = "headquarters") -> list[dict[str, Any]]:
        answer = await self.http.get(f"/v1/clusters/{cluster}/license-files")
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def tick(self, timer: str) -> None:
        """Run a timer once."""
        kit = self.app.state.kit
        await kit.plan.timers.run_once(kit.database, timer)


def codes(answer: httpx.Response) -> set[str]:
    """The codes of a refused upload."""
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:licensing:problem:license-file-refused"), answer.text
    return {reason["code"] for reason in answer.json()["reasons"]}
