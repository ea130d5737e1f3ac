"""A process killed by SIGKILL between the commit of a fact and its hand-over, or between the hand-over and the sender's knowing of it:
after the restart the fact arrives, and what it does is done once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.house import eventually
from tests.system.database import ask, dead_letters, waiting_events
from tests.system.held_back import Moment, hold
from tests.system.instance import PATIENCE_SECONDS, Place, started
from tests.system.product import LicenseFile, Product, mac, users_of

INSTALLED = "licensefile.license-file-installed.v1"
OVERDRAFT = "ledger.overdraft-entered.v1"
UNITS = 20
HELD_BACK = "tests.system.held_back"


async def test_an_event_survives_a_kill_before_and_after_its_hand_over_and_counts_once(place: Place) -> None:
    told = place.data.with_name("held-back")
    hold(told, "before")  # nothing
    async with killed_at_the_end(place, told) as product:
        files: dict[Moment, LicenseFile] = {
            "before": await prepared(product, "before", mac(0), mac(1)),
            "after": await prepared(product, "after", mac(2), mac(3)),
        }
        hold(told, "before", INSTALLED, OVERDRAFT)
        await commit_both(product, "before", files["before"])
        assert {INSTALLED, OVERDRAFT} <= set(await waiting_events(place))
        await check_nothing_done(product, files["before"])
    hold(told, "before")  # nothing
    async with killed_at_the_end(place, told) as product:
        await check_done_once(place, product, "before", files["before"])
        hold(told, "after", INSTALLED, OVERDRAFT)
        await commit_both(product, "after", files["after"])
        await product.alarm("CiscoLicenseOverDraft", "full-after/PHONE_UNIT", "active")
        await product.granted("empty-after", files["after"])
        assert {INSTALLED, OVERDRAFT} <= set(await waiting_events(place))
    with started(place):
        async with users_of(place) as product:
            await check_done_once(place, product, "after", files["after"])
            await check_heard_again(product)


@asynccontextmanager
async def killed_at_the_end(place: Place, told: Path) -> AsyncIterator[Product]:
    """An instance that dies by SIGKILL at the end, without another chance."""
    with started(place, HELD_BACK, str(told)) as process:
        async with users_of(place) as product:
            yield product
            process.kill()
            process.wait(PATIENCE_SECONDS)


async def prepared(product: Product, moment: Moment, full: str, empty: str) -> LicenseFile:
    """A cluster that is full to its last unit, and another one with a file that is not yet uploaded to it."""
    await product.make_cluster(f"full-{moment}", full)
    await product.install(f"full-{moment}", await product.file_for(full, 1, UNITS))
    for device in range(UNITS // 4):
        assert (await product.put_device(f"full-{moment}", f"SEP{device}", "cisco-7920")).status_code == 201
    await product.make_cluster(f"empty-{moment}", empty)
    return await product.file_for(empty, 1, 1000)


async def commit_both(product: Product, moment: Moment, file: LicenseFile) -> None:
    """Both facts are committed and acknowledged to their callers."""
    assert (await product.upload(f"empty-{moment}", file)).status_code == 201
    assert (await product.put_device(f"full-{moment}", "SEP-one-more", "cisco-7902")).status_code == 201


async def check_nothing_done(product: Product, file: LicenseFile) -> None:
    assert not (await product.read(f"/v1/clusters/empty-before/license-files/{file.license_file_id}"))["granted"]
    assert (await product.pool("empty-before"))["authorized"] == 50  # the starter still
    assert await product.alarms("CiscoLicenseOverDraft", "full-before/PHONE_UNIT") == []


async def check_done_once(place: Place, product: Product, moment: Moment, file: LicenseFile) -> None:
    await product.granted(f"empty-{moment}", file)
    alarm = await product.alarm("CiscoLicenseOverDraft", f"full-{moment}/PHONE_UNIT", "active")

    async def nothing_waits() -> bool:
        return await waiting_events(place) == []

    await eventually(nothing_waits, "every event is handed over")
    pool = await product.pool(f"empty-{moment}")
    assert (pool["authorized"], pool["overdraft_allowed"], pool["used"]) == (1000, 50, 0)
    lines = await ask(place, "SELECT count(*) FROM ledger.grant_line WHERE license_file_id = $1", file.license_file_id)
    assert lines[0][0] == 2  # units and nodes
    assert len(await product.alarms("CiscoLicenseOverDraft", f"full-{moment}/PHONE_UNIT")) == 1
    assert alarm["count"] == 1
    full = await product.pool(f"full-{moment}")
    assert (full["used"], full["overdraft"]) == (UNITS + 1, 1)
    assert await dead_letters(place) == 0


async def check_heard_again(product: Product) -> None:
    """In this process every reader heard the two facts once more, and knew them."""
    figures = await product.figures()
    for event_type, readers in ((INSTALLED, {"ledger", "alarms"}), (OVERDRAFT, {"alarms"})):
        repeated = figures.matching("license_events_handled_total", type=event_type, outcome="repeated")
        assert {figure.labels["service"]: figure.value for figure in repeated} == dict.fromkeys(readers, 1)
        assert figures.sum("license_events_handled_total", type=event_type, outcome="handled") == 0
