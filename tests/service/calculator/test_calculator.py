"""The calculator through its doors, on a real database."""

import hashlib
from collections.abc import AsyncIterator
from importlib import resources

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from services.calculator.app import create_app
from services.calculator.domain.calculation import days_left
from services.calculator.settings import CalculatorSettings
from shared.contracts.events.calculator import CataloguePublished
from shared.kit.clock import TestClock
from shared.kit.metrics import Metrics
from tests.house import RememberingBus, running

POOL = {"feature": "PHONE_UNIT", "authorized": 100, "overdraft_allowed": 5, "used": 70, "remaining": 30, "overdraft": 0, "status": "within"}


FORECAST = {
    "cluster": "headquarters",
    "feature": "PHONE_UNIT",
    "outcome": "running_out",
    "days_left": 70.0,
    "low": 60.0,
    "high": None,
    "until_overdraft": None,
    "free": 35,
    "growth_per_day": {"median": 0.5, "low": 0.0, "high": 0.6},
    "confidence": 0.9,
    "history": None,
    "needed_days": 14,
    "at": "2026-03-14T09:00:00Z",
}


def _ledger(request: httpx.Request) -> httpx.Response:
    if request.url.path == "/v1/clusters/headquarters/forecast":
        return httpx.Response(200, json=FORECAST)
    if request.url.path == "/v1/clusters/headquarters/unit-report":
        manager = {"node": "cm1", "mac": "0015C5F3A1B2", "status": "started"}
        report = {
            "cluster": "headquarters",
            "product_version": "5.0",
            "frozen": False,
            "license_manager": manager,
            "at": "2026-03-14T09:00:00Z",
        }
        return httpx.Response(200, json={**report, "features": [POOL], "device_types": [], "license_files": []})
    return httpx.Response(500 if "broken" in request.url.path else 404)


@pytest.fixture
async def calculator(database_url: str, bus: RememberingBus, clock: TestClock, metrics: Metrics) -> AsyncIterator[httpx.AsyncClient]:
    settings = CalculatorSettings(database_url=database_url, ledger_url="http://ledger")
    async with running(create_app(settings, bus, clock, metrics, ledger=httpx.MockTransport(_ledger))) as client:
        yield client


async def test_four_7920_and_four_7970_need_36_units(calculator: httpx.AsyncClient) -> None:
    wanted = {"devices": [{"device_type": "cisco-7920", "count": 4}, {"device_type": "cisco-7970", "count": 4}], "nodes": 1}
    answer = await calculator.post("/v1/unit-calculations", json=wanted)
    assert answer.status_code == 200
    assert answer.json() == {
        "lines": [
            {"device_type": "cisco-7920", "units_each": 4, "count": 4, "units": 16},
            {"device_type": "cisco-7970", "units_each": 5, "count": 4, "units": 20},
        ],
        "total_units": 36,
        "total_nodes": 1,
        "after": None,
    }


@pytest.mark.parametrize(
    ("count", "after"),
    [
        (6, {"remaining": 0, "overdraft": 0, "status": "within", "days_left": 10.0}),
        (7, {"remaining": 0, "overdraft": 5, "status": "exhausted", "days_left": 0.0}),
        (8, {"remaining": 0, "overdraft": 10, "status": "beyond_allowance", "days_left": 0.0}),
        (2, {"remaining": 20, "overdraft": 0, "status": "within", "days_left": 50.0}),
    ],
)
async def test_a_what_if_shows_what_it_leaves_of_the_clusters_pool(
    calculator: httpx.AsyncClient, count: int, after: dict[str, object]
) -> None:
    wanted = {"devices": [{"device_type": "cisco-7970", "count": count}], "cluster": "headquarters"}
    answer = await calculator.post("/v1/unit-calculations", json=wanted)
    assert answer.json()["after"] == {**after, "forecast": "running_out", "days_left_before": 70.0}


@pytest.mark.parametrize(
    ("free", "growth", "days"), [(35, 0.5, 70.0), (0, None, 0.0), (-3, 1.0, 0.0), (5, None, None), (5, 0.0, None), (5, -1.0, None)]
)
def test_days_are_left_while_units_are_and_for_ever_where_use_does_not_grow(free: int, growth: float | None, days: float | None) -> None:
    assert days_left(free, growth) == days


async def test_a_what_if_for_an_unknown_cluster_is_404_and_for_a_silent_ledger_503(calculator: httpx.AsyncClient) -> None:
    unknown = await calculator.post("/v1/unit-calculations", json={"devices": [], "cluster": "nowhere"})
    assert (unknown.status_code, unknown.json()["type"]) == (404, "urn:licensing:problem:not-found")
    silent = await calculator.post("/v1/unit-calculations", json={"devices": [], "cluster": "broken"})
    assert (silent.status_code, silent.json()["type"]) == (503, "urn:licensing:problem:upstream-unavailable")
    assert silent.headers["retry-after"] == "2"


async def test_unknown_device_types_are_all_named(calculator: httpx.AsyncClient) -> None:
    wanted = {"devices": [{"device_type": name, "count": 1} for name in ("cisco-7970", "no-such", "another")]}
    answer = await calculator.post("/v1/unit-calculations", json=wanted)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["device_types"] == ["another", "no-such"]


async def test_the_catalogue_is_listed_by_pages_and_published_once(calculator: httpx.AsyncClient, bus: RememberingBus) -> None:
    (published,) = await bus.hear(CataloguePublished)
    listed: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await calculator.get("/v1/device-types", params={"limit": 20, **({"cursor": cursor} if cursor else {})})).json()
        listed += [item["device_type"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert listed == [rated.device_type for rated in published.device_types]
    assert len(listed) == 56
    assert published.version == 1


async def test_a_release_that_says_more_of_each_type_publishes_the_same_types_anew(
    calculator: httpx.AsyncClient, database_url: str, bus: RememberingBus
) -> None:
    (first,) = await bus.hear(CataloguePublished)
    assert {rated.device_type: rated.model_code for rated in first.device_types}["cisco-7970"] == 30006
    shipped = resources.files("services.calculator").joinpath("data/device_units.csv").read_bytes()
    engine = create_async_engine(database_url)
    async with engine.begin() as connection:  # as a release before model codes were told had left it
        older = {"digest": hashlib.sha256(shipped).hexdigest()}
        await connection.execute(text("UPDATE calculator.catalogue SET shipped_digest = :digest"), older)
    await engine.dispose()
    settings = CalculatorSettings(database_url=database_url, ledger_url="http://ledger")
    async with running(create_app(settings, bus, TestClock(), Metrics(), ledger=httpx.MockTransport(_ledger))):
        again = (await bus.hear(CataloguePublished, count=2))[-1]
    assert (again.version, again.device_types) == (2, first.device_types)


async def test_a_local_type_is_added_changed_and_published_but_a_shipped_one_is_not_re_rated(
    calculator: httpx.AsyncClient, bus: RememberingBus
) -> None:
    added = await calculator.put("/v1/device-types/door-phone", json={"units": 2, "label": "Door phone"})
    assert (added.status_code, added.json()["local"], added.json()["units"]) == (201, True, 2)
    again = await calculator.put("/v1/device-types/door-phone", json={"units": 2, "label": "Door phone"})
    changed = await calculator.put("/v1/device-types/door-phone", json={"units": 3, "label": "Door phone"})
    assert (again.status_code, changed.status_code) == (200, 200)
    shipped = await calculator.put("/v1/device-types/cisco-7970", json={"units": 1})
    assert (shipped.status_code, shipped.json()["type"]) == (409, "urn:licensing:problem:shipped-device-type")
    versions = [event.version for event in await bus.hear(CataloguePublished, count=3)]
    assert versions == [1, 2, 3]
    free = await calculator.put("/v1/device-types/free-phone", json={"units": 0})
    assert free.status_code == 422
