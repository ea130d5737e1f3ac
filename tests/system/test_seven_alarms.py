"""All seven alarms raised and cleared by what really happens, in one story on one instance, and what /metrics shows of it meanwhile."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.house import eventually
from tests.system.database import ask, server_of
from tests.system.figures import Figures
from tests.system.held_back import hold
from tests.system.instance import Place, started
from tests.system.product import EMAIL, LicenseFile, Product, mac, users_of

SETTINGS = {
    "LICENSING_HEARTBEAT_SECONDS": "1",
    "LICENSING_WATCH_SECONDS": "0.5",
    "LICENSING_INTERNAL_ERROR_QUIET_SECONDS": "5",
    "LICENSING_QUIET_CHECK_SECONDS": "0.5",
}
POOL = "hq/PHONE_UNIT"
SUBJECTS = {
    "CiscoLicenseApproachingLimit": POOL,
    "CiscoLicenseOverDraft": POOL,
    "CiscoLicenseRequestFailed": POOL,
    "CiscoLicenseFileError": "hq",
    "CiscoLicenseInternalError": "ledger",
    "CiscoLicenseManagerDown": "ledger",
    "CiscoLicenseDataStoreError": "ledger",
}
ABOUT_HQ = {name for name, subject in SUBJECTS.items() if subject != "ledger"}
UNITS = 100
LABELS = {"service", "method", "route", "status", "le", "type", "outcome", "cluster", "feature", "name", "severity", "kind"}
# A MAC or a device made of one, a LicFileID, a UUID, an address.
ANYBODY = re.compile(r"[0-9A-Fa-f]{12}|[0-9]{10}|@|[0-9a-f]{8}-[0-9a-f]{4}|SEP|cm1|127\.0\.0\.1")


async def test_seven_alarms_are_raised_and_cleared_and_measured(shared_place: Place) -> None:
    told = shared_place.data.with_name("held-back")
    hold(told, "before")  # nothing
    with started(shared_place, "tests.system.held_back", str(told)):
        async with users_of(shared_place) as product:
            good = await raise_by_callers(product)
            await check_figures_of_a_full_cluster(product)
            async with silent_ledger(product, told), broken_schema(product, shared_place):
                figures = await product.figures()
                assert {name for name in SUBJECTS if figures.sum("license_alarms_active", name=name)} == set(SUBJECTS) - {
                    "CiscoLicenseDataStoreError"
                }
            await crash_the_database(product, shared_place)
            await clear_by_callers(product, good)
            await check_all_over(product)


async def raise_by_callers(product: Product) -> LicenseFile:
    """Four alarms by what callers do; returns a file that will be accepted."""
    await product.make_cluster("hq", mac(0))
    first, second = await product.file_for(mac(0), 1, UNITS), await product.file_for(mac(0), 1, UNITS)
    await product.install("hq", first)
    answers = await asyncio.gather(*(product.put_device("hq", f"SEP{n:012X}", "cisco-7920") for n in range(UNITS // 4)))
    assert {answer.status_code for answer in answers} == {201}
    await product.alarm("CiscoLicenseApproachingLimit", POOL, "active")
    assert (await product.put_device("hq", "SEP-lobby", "cisco-7902")).status_code == 201
    await product.alarm("CiscoLicenseOverDraft", POOL, "active")
    assert (await product.put_device("hq", "SEP-too-many", "cisco-7970")).status_code == 409
    await product.alarm("CiscoLicenseRequestFailed", POOL, "active")
    forged = LicenseFile(second.license_file_id, second.name, second.content.replace(b"<Count>100<", b"<Count>900<"))
    assert (await product.upload("hq", forged)).status_code == 422
    await product.alarm("CiscoLicenseFileError", "hq", "active")
    return second


async def check_figures_of_a_full_cluster(product: Product) -> None:
    figures = await product.figures()
    expected = {("PHONE_UNIT", "authorized"): 100, ("PHONE_UNIT", "overdraft_allowed"): 5, ("PHONE_UNIT", "used"): 101}
    expected |= {("CCM_NODE", "authorized"): 1, ("CCM_NODE", "overdraft_allowed"): 0, ("CCM_NODE", "used"): 1}
    for (feature, what), count in expected.items():
        assert figures.sum(f"license_units_{what}", cluster="hq", feature=feature) == count, (feature, what)
    catalogue = {alarm["name"]: alarm["severity"] for alarm in (await product.read("/v1/alarm-catalogue"))["items"]}
    assert set(catalogue) == set(SUBJECTS)
    for name in ABOUT_HQ:
        assert figures.sum("license_alarms_active", name=name, severity=catalogue[name], cluster="hq") == 1
        assert figures.sum("license_alarms_raised_total", name=name, severity=catalogue[name]) == 1
    for name in set(SUBJECTS) - ABOUT_HQ:
        assert figures.sum("license_alarms_active", name=name) == 0
        assert figures.sum("license_alarms_raised_total", name=name, severity=catalogue[name]) == 0


@asynccontextmanager
async def broken_schema(product: Product, place: Place) -> AsyncIterator[None]:
    """InternalError: the ledger meets what nobody foresaw; the schema is whole again before the body."""
    await ask(place, "ALTER TABLE ledger.node RENAME TO mislaid")
    assert (await product.admin.get("/v1/clusters/hq/nodes")).status_code == 500
    await ask(place, "ALTER TABLE ledger.mislaid RENAME TO node")
    await product.alarm("CiscoLicenseInternalError", "ledger", "active")
    yield
    await product.alarm("CiscoLicenseInternalError", "ledger", "cleared")


@asynccontextmanager
async def silent_ledger(product: Product, told: Path) -> AsyncIterator[None]:
    """ManagerDown: no sign of life of the ledger reaches anybody for as long as the body runs."""
    hold(told, "before", "ledger.heart-beaten.v1")
    await product.alarm("CiscoLicenseManagerDown", "ledger", "active")
    yield
    hold(told, "before")
    await product.alarm("CiscoLicenseManagerDown", "ledger", "cleared")


async def crash_the_database(product: Product, place: Place) -> None:
    """DataStoreError."""
    server = server_of(place)
    server.stop("immediate")
    try:

        async def told() -> bool:
            return (await product.figures()).sum("license_alarms_active", name="CiscoLicenseDataStoreError") == 2

        await eventually(told, "the stores of the ledger and of the license files fail")
    finally:
        server.start()

    async def ready() -> bool:
        return (await product.admin.get("/readyz")).status_code == 200

    await eventually(ready, "the instance is ready again")
    await product.alarm("CiscoLicenseDataStoreError", "ledger", "cleared")
    await product.alarm("CiscoLicenseDataStoreError", "licensefile", "cleared")


async def clear_by_callers(product: Product, good: LicenseFile) -> None:
    """The four of the callers end by what callers do."""
    for name in ABOUT_HQ:
        await product.alarm(name, SUBJECTS[name], "active")
    await product.remove_device("hq", "SEP-lobby")
    await product.alarm("CiscoLicenseOverDraft", POOL, "cleared")
    await product.alarm("CiscoLicenseRequestFailed", POOL, "cleared")
    await product.alarm("CiscoLicenseApproachingLimit", POOL, "active")  # 100 of 100
    for n in range(3):
        await product.remove_device("hq", f"SEP{n:012X}")
    await product.alarm("CiscoLicenseApproachingLimit", POOL, "cleared")  # 88 of 100
    await product.install("hq", good)
    await product.alarm("CiscoLicenseFileError", "hq", "cleared")


async def check_all_over(product: Product) -> None:
    async def figures_of_peace() -> Figures | None:
        figures = await product.figures()
        return None if figures.sum("license_alarms_active") else figures

    figures = await eventually(figures_of_peace, "no alarm stands any more")
    assert figures is not None
    listed = (await product.read("/v1/alarms", limit="200"))["items"]
    assert {alarm["name"] for alarm in listed} == set(SUBJECTS)
    assert {alarm["state"] for alarm in listed} == {"cleared"}
    for name in SUBJECTS:
        rows = [alarm for alarm in listed if alarm["name"] == name]
        assert figures.sum("license_alarms_raised_total", name=name) == len(rows)
        assert len(rows) == 1 or name in {"CiscoLicenseManagerDown", "CiscoLicenseDataStoreError"}
    assert figures.sum("license_units_authorized", cluster="hq", feature="PHONE_UNIT") == 2 * UNITS
    assert figures.sum("license_units_used", cluster="hq", feature="PHONE_UNIT") == 88
    await check_labels_name_nobody(product)


async def check_labels_name_nobody(product: Product) -> None:
    """No label of a call that was answered, refused or never published names a device, an address, a file or a person."""
    for method, path in (("GET", "/v1/clusters/hq/devices/SEP0015C5000000"), ("GET", f"/v1/{EMAIL}"), ("PURGE", "/v1/clusters")):
        assert (await product.admin.request(method, path)).status_code in {404, 405}
    figures = await product.figures()
    assert {label for figure in figures.all for label in figure.labels} <= LABELS
    for figure in figures.all:
        for label, value in figure.labels.items():
            assert not ANYBODY.search(value), (figure, label)
            assert value != "hq" or label == "cluster", figure
