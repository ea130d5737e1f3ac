"""A running ledger with prices, and the words in which its tests speak."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from services.ledger.app import create_app
from services.ledger.settings import LedgerSettings
from shared.contracts.events.calculator import CataloguePublished, RatedType
from shared.contracts.events.licensefile import FileState, GrantLine, LicenseFileInstalled, LicenseFileStateChanged
from shared.kit.clock import TestClock
from shared.kit.database import Database
from shared.kit.metrics import Metrics
from tests.house import RememberingBus, running

PRICES = (
    ("phone-1", 1, None),
    ("phone-4", 4, None),
    ("phone-5", 5, None),
    ("soft", 3, 1),
    ("dear-soft", 6, 1),
    ("cti-port", 0, None),
)
MAC = "0015C5F3A1B2"
INSTALLED_AT = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)


def catalogue(version: int = 1, **changed: int) -> CataloguePublished:
    """The prices of these tests; a keyword re-rates a type (underscores for dashes)."""
    rated = {name: changed.get(name.replace("-", "_"), units) for name, units, _ in PRICES}
    types = [RatedType(device_type=n, label=n, units=rated[n], adjunct_units=adjunct) for n, _, adjunct in PRICES]
    return CataloguePublished(version=version, device_types=types)


def file_id(number: int) -> str:
    return f"{20260314000000000 + number}"


@dataclass
class LedgerUnderTest:
    """A ledger, its bus and its store. Paths are relative to the cluster ``hq`` unless another is named."""

    http: httpx.AsyncClient
    bus: RememberingBus
    app: FastAPI

    @property
    def database(self) -> Database:
        found = self.app.state.kit.database
        assert isinstance(found, Database)
        return found

    async def put_cluster(self, cluster: str = "hq", **body: object) -> httpx.Response:
        return await self.http.put(f"/v1/clusters/{cluster}", json={"product_version": "5.0", **body})

    async def put_node(self, node: str, mac: str, cluster: str = "hq", **body: object) -> httpx.Response:
        return await self.http.put(f"/v1/clusters/{cluster}/nodes/{node}", json={"mac": mac, **body})

    async def put(self, device: str, device_type: str = "phone-1", cluster: str = "hq", **body: object) -> httpx.Response:
        return await self.http.put(f"/v1/clusters/{cluster}/devices/{device}", json={"device_type": device_type, **body})

    async def delete(self, device: str, cluster: str = "hq") -> httpx.Response:
        return await self.http.delete(f"/v1/clusters/{cluster}/devices/{device}")

    async def report(self, cluster: str = "hq") -> dict[str, object]:
        answer = await self.http.get(f"/v1/clusters/{cluster}/unit-report")
        assert answer.status_code == 200
        body: dict[str, object] = answer.json()
        return body

    async def pool(self, feature: str = "PHONE_UNIT", cluster: str = "hq") -> tuple[int, int, int, str]:
        """authorized, overdraft allowed, used, status"""
        features = (await self.report(cluster))["features"]
        assert isinstance(features, list)
        (found,) = [f for f in features if f["feature"] == feature]
        return found["authorized"], found["overdraft_allowed"], found["used"], found["status"]

    async def install(self, number: int, *lines: tuple[str, int, int] | tuple[str, int, int, int], **more: object) -> LicenseFileInstalled:
        """Say that a file was accepted; a line is (feature, units, overdraft, major of 5)."""
        event = installed(number, *lines, **more)
        await self.bus.say(event)
        return event

    async def change_file(
        self, number: int, version: int, state: FileState, *, granting: bool, cluster: str = "hq"
    ) -> LicenseFileStateChanged:
        event = LicenseFileStateChanged(
            cluster=cluster,
            license_file_id=file_id(number),
            version=version,
            state=state,
            granting=granting,
            reason="a test says so",
            changed_at=INSTALLED_AT,
        )
        await self.bus.say(event)
        return event

    async def rows(self, sql: str) -> list[tuple[object, ...]]:
        async with self.database.engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(text(sql))]

    async def assert_sums(self) -> None:
        """used is the sum of holdings, authorized and overdraft_allowed those of the granting lines; for every pool."""
        derived = """
            SELECT p.cluster, p.feature, p.authorized, p.overdraft_allowed, p.used,
                   coalesce((SELECT sum(units) FROM grant_line l
                              WHERE l.cluster = p.cluster AND l.feature = p.feature AND l.granting), 0),
                   coalesce((SELECT sum(overdraft_units) FROM grant_line l
                              WHERE l.cluster = p.cluster AND l.feature = p.feature AND l.granting), 0),
                   CASE p.feature WHEN 'CCM_NODE' THEN (SELECT count(*) FROM node n WHERE n.cluster = p.cluster)
                        ELSE coalesce((SELECT sum(units) FROM device d WHERE d.cluster = p.cluster), 0) END
              FROM pool p
        """
        for cluster, feature, *numbers in await self.rows(derived):
            assert numbers[:3] == numbers[3:], f"{cluster}/{feature}: kept {numbers[:3]}, derived {numbers[3:]}"
        counts = "SELECT cluster, device_type, units, devices FROM type_count WHERE devices <> 0 ORDER BY 1, 2, 3"
        counted = "SELECT cluster, device_type, units, count(*) FROM device GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
        assert await self.rows(counts) == await self.rows(counted)

    async def assert_journal(self) -> None:
        """Every journal is whole, its balances are those of the pools, and what it says each device holds is what it holds."""
        for (cluster,) in await self.rows("SELECT cluster FROM cluster"):
            verdict = (await self.http.get(f"/v1/clusters/{cluster}/journal/verification")).json()
            assert verdict["intact"], f"{cluster}: {verdict['first_fault']}"
        balances = """
            SELECT p.cluster, p.feature, p.authorized, p.overdraft_allowed, p.used,
                   coalesce(j.authorized, 0), coalesce(j.overdraft_allowed, 0), coalesce(j.used, 0)
              FROM pool p LEFT JOIN LATERAL (
                   SELECT * FROM journal_entry e WHERE e.cluster = p.cluster AND e.feature = p.feature
                    ORDER BY sequence DESC LIMIT 1) j ON true
        """
        for cluster, feature, *numbers in await self.rows(balances):
            assert numbers[:3] == numbers[3:], f"{cluster}/{feature}: kept {numbers[:3]}, journalled {numbers[3:]}"
        told = """
            SELECT cluster, subject, device_type, units, adjunct_of FROM (
                SELECT DISTINCT ON (cluster, subject) * FROM journal_entry
                 WHERE feature = 'PHONE_UNIT'
                   AND kind NOT IN ('cluster', 'license_file', 'grant', 'retire', 'starter', 'migration', 'service')
                 ORDER BY cluster, subject, sequence DESC) AS last
             WHERE units IS NOT NULL ORDER BY 1, 2
        """
        assert await self.rows(told) == await self.rows("SELECT cluster, device, device_type, units, adjunct_of FROM device ORDER BY 1, 2")


def installed(number: int, *lines: tuple[str, int, int] | tuple[str, int, int, int], **more: object) -> LicenseFileInstalled:
    granted = [
        GrantLine(line_id=at, feature=line[0], units=line[1], overdraft_units=line[2], major=line[3] if len(line) == 4 else 5)
        for at, line in enumerate(lines, 1)
    ]
    values: dict[str, object] = {
        "cluster": "hq",
        "license_file_id": file_id(number),
        "version": 1,
        "file_name": f"{number}.lic",
        "mac": MAC,
        "installed_at": INSTALLED_AT,
        "expires_at": None,
        "lines": granted,
        "replaces": [],
    }
    return LicenseFileInstalled.model_validate({**values, **more})


@pytest.fixture
async def bare(database_url: str, bus: RememberingBus, clock: TestClock, metrics: Metrics) -> AsyncIterator[LedgerUnderTest]:
    """A ledger that has heard nothing yet."""
    settings = LedgerSettings(database_url=database_url)
    app = create_app(settings, bus, clock, metrics)
    async with running(app) as http:
        yield LedgerUnderTest(http, bus, app)


@pytest.fixture
async def ledger(bare: LedgerUnderTest) -> LedgerUnderTest:
    """A ledger that has its prices, and one cluster ``hq`` 5.0 with its starter and no node."""
    await bare.bus.say(catalogue())
    assert (await bare.put_cluster()).status_code == 201
    return bare


@pytest.fixture
async def hq(ledger: LedgerUnderTest) -> LedgerUnderTest:
    """``hq`` with its license manager cm1, cm2 beside it, and one device."""
    await ledger.install(1, ("PHONE_UNIT", 20, 0), ("CCM_NODE", 3, 0), mac=MAC)
    await ledger.put_node("cm1", MAC)
    await ledger.put_node("cm2", "001500000002")
    assert (await ledger.put("desk", "phone-4")).status_code == 201
    return ledger
