"""Real troubles of the whole product: its database crashes, and its schema is not what the code believes.

Must not be broken: the instance is not restarted by anybody; it must recover by itself.
"""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.house import eventually
from tests.system.database import ask, frozen, server_of
from tests.system.instance import Place, started
from tests.system.product import Product, mac, problem_of, users_of

SETTINGS = {
    "LICENSING_INTERNAL_ERROR_QUIET_SECONDS": "3",
    "LICENSING_QUIET_CHECK_SECONDS": "0.5",
    "LICENSING_KEY_CACHE_SECONDS": "60",
    "LICENSING_STATEMENT_TIMEOUT_MS": "2000",
}
STORE_ERROR, INTERNAL_ERROR = "CiscoLicenseDataStoreError", "CiscoLicenseInternalError"
DEVICE = {"device_type": "cisco-7920"}


@pytest.fixture(scope="module")
async def product(shared_place: Place) -> AsyncIterator[Product]:
    with started(shared_place):
        async with users_of(shared_place) as made:
            await made.make_cluster("hq", mac(0))
            await made.install("hq", await made.file_for(mac(0), 1, 1000))
            yield made


async def store_errors(product: Product) -> float:
    return (await product.figures()).sum("license_alarms_active", name=STORE_ERROR)


async def calls(product: Product) -> dict[str, httpx.Response]:
    """One call to every service, and a read and a write of the one that matters most."""
    calculation = {"devices": [], "cluster": "hq"}
    file = {"file": ("a.lic", b"INCREMENT PHONE_UNIT cisco 5.0 permanent uncounted\n")}
    return {
        "check-out": await product.admin.put("/v1/clusters/hq/devices/SEP-crash", json=DEVICE),
        "check-in": await product.admin.delete("/v1/clusters/hq/devices/SEP0"),
        "report": await product.admin.get("/v1/clusters/hq/unit-report"),
        "upload": await product.admin.post("/v1/clusters/hq/license-files", files=file),
        "calculation": await product.admin.post("/v1/unit-calculations", json=calculation),
        "alarms": await product.admin.get("/v1/alarms"),
        "orders": await product.vendor.get("/v1/orders"),
    }


async def test_a_crashed_database_is_told_at_once_and_nothing_acknowledged_is_lost(product: Product, shared_place: Place) -> None:
    acknowledged = [f"SEP{n}" for n in range(20)]
    answers = await asyncio.gather(*(product.put_device("hq", device, "cisco-7920") for device in acknowledged))
    assert {answer.status_code for answer in answers} == {201}
    (await product.vendor.get("/v1/orders")).raise_for_status()
    server = server_of(shared_place)
    server.stop("immediate")
    try:
        for what, answer in (await calls(product)).items():
            assert answer.status_code == 503, (what, answer.text)
            assert problem_of(answer)["type"] in {
                "urn:licensing:problem:data-store-unavailable",
                "urn:licensing:problem:upstream-unavailable",
            }, what
            assert int(answer.headers["retry-after"]) >= 1
        assert await store_errors(product) >= 1  # at once: no waiting here
        log = (shared_place.data / "licensing.log").read_text()
        assert "data-store-failed" in log
        assert STORE_ERROR in log
        assert (await product.admin.get("/livez")).status_code == 200
        ready = await product.admin.get("/readyz")
        assert ready.status_code == 503
    finally:
        server.start()
    await check_recovered(product, acknowledged)


async def check_over(product: Product) -> None:
    """The instance recovers by itself; both services that told of their store have an alarm that is over, and none was a riddle to them."""

    async def ready() -> bool:
        return (await product.admin.get("/readyz")).status_code == 200

    await eventually(ready, "the instance is ready again, by itself")
    for service in ("ledger", "licensefile"):
        alarm = await product.alarm(STORE_ERROR, service, "cleared")
        assert alarm["reason"].startswith(f"{service}: the data store failed in ")
        assert alarm["cleared_at"] >= alarm["raised_at"]

    async def quiet() -> bool:
        return await store_errors(product) == 0

    await eventually(quiet, "no data store fails any more")
    assert await product.read("/v1/alarms", name=INTERNAL_ERROR) == {"items": [], "next_cursor": None}


async def check_recovered(product: Product, acknowledged: list[str]) -> None:
    await check_over(product)
    held = (await product.read("/v1/clusters/hq/devices", limit="200"))["items"]
    assert {device["device"] for device in held} == set(acknowledged)
    assert (await product.pool("hq"))["used"] == 4 * len(acknowledged)
    assert (await product.put_device("hq", "SEP-crash", "cisco-7920")).status_code == 201
    await product.install("hq", await product.file_for(mac(0), 1, 500))
    assert (await product.pool("hq"))["authorized"] == 1500


async def test_a_crashed_database_is_told_though_nobody_calls(product: Product, shared_place: Place) -> None:
    server = server_of(shared_place)
    server.stop("immediate")
    try:

        async def told() -> bool:
            return await store_errors(product) == 2

        await eventually(told, f"{STORE_ERROR} without a call")
    finally:
        server.start()

    await check_over(product)


async def test_a_database_that_stands_still_keeps_nobody_waiting_for_ever(product: Product, shared_place: Place) -> None:
    await product.read("/v1/clusters/hq/unit-report")  # the key is known from now on: the call below reaches the ledger
    with frozen(shared_place):
        answer = await product.admin.get("/v1/clusters/hq/unit-report")
        assert answer.status_code == 503
        assert problem_of(answer)["type"] == "urn:licensing:problem:data-store-unavailable"
        assert int(answer.headers["retry-after"]) >= 1
        assert await store_errors(product) >= 1
    await check_over(product)


async def test_an_internal_error_is_answered_without_its_inside_and_raises_the_alarm_with_its_id(
    product: Product, shared_place: Place
) -> None:
    await ask(shared_place, "ALTER TABLE ledger.device RENAME COLUMN units TO mislaid")
    try:
        answer = await product.put_device("hq", "SEP-broken", "cisco-7920")
    finally:
        await ask(shared_place, "ALTER TABLE ledger.device RENAME COLUMN mislaid TO units")
    assert answer.status_code == 500
    problem = problem_of(answer)
    assert problem["type"] == "urn:licensing:problem:internal-error"
    assert problem.keys() == {"type", "title", "status", "detail", "trace_id"}
    for inside in ("mislaid", "column", "select", "insert", "asyncpg", "sqlalchemy", "traceback", "services", "postgresql"):
        assert inside not in answer.text.lower()
    alarm = await product.alarm(INTERNAL_ERROR, "ledger", "active")
    assert problem["trace_id"] in alarm["reason"]
    assert alarm["count"] == 1
    assert problem["trace_id"] in (shared_place.data / "licensing.log").read_text()
    assert (await product.put_device("hq", "SEP-broken", "cisco-7920")).status_code == 201
    cleared = await product.alarm(INTERNAL_ERROR, "ledger", "cleared")
    assert cleared["alarm_id"] == alarm["alarm_id"]
