"""The clock is moved, a month on and then an hour back: what depends on it happens once, and nothing else happens at all.

The services run in this process, because only a clock of the test's can be moved: processes have the machine's.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.alarms.app import create_app as create_alarms
from services.alarms.settings import AlarmsSettings
from services.calculator.app import create_app as create_calculator
from services.calculator.settings import CalculatorSettings
from services.ledger.app import create_app as create_ledger
from services.ledger.settings import LedgerSettings
from services.licensefile.app import create_app as create_licensefile
from services.licensefile.settings import LicenseFileSettings
from shared.contracts.events.faults import LedgerHeartBeaten
from shared.kit.app import Kit
from shared.kit.clock import TestClock
from shared.kit.metrics import Metrics
from tests.house import RememberingBus, eventually, running
from tests.unit.licensefile.made import KEY, made_file

CLUSTER, MAC = "headquarters", "0015C5F3A1B2"
BEAT_SECONDS, LOOK_SECONDS = 0.25, 0.05
PERMANENT, MONTHLY = "20260314092653581", "20260314092653582"


@dataclass
class House:
    """The customer's services through their doors."""

    ledger: httpx.AsyncClient
    licensefile: httpx.AsyncClient
    alarms: httpx.AsyncClient
    bus: RememberingBus
    clock: TestClock
    watching: Kit
    """The alarms', whose timer looks by itself, too."""

    async def authorized(self) -> int:
        report = (await self.ledger.get(f"/v1/clusters/{CLUSTER}/unit-report")).raise_for_status().json()
        return int(next(each["authorized"] for each in report["features"] if each["feature"] == "PHONE_UNIT"))

    async def upload(self, name: str, content: bytes) -> None:
        answer = await self.licensefile.post(f"/v1/clusters/{CLUSTER}/license-files", files={"file": (name, content)})
        assert answer.status_code == 201, answer.text

    async def listed(self, name: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await self.alarms.get("/v1/alarms", params={"name": name})).raise_for_status().json()["items"]
        return items

    async def beats(self, more: int) -> None:
        """Wait until so many more signs of life were heard, and looked at."""
        seen = len(self.bus.heard(LedgerHeartBeaten))
        await self.bus.hear(LedgerHeartBeaten, seen + more)
        await self.watching.plan.timers.run_once(self.watching.database, "watch_ledger")


@pytest.fixture
async def house(database_url: str, bus: RememberingBus, clock: TestClock, tmp_path: Path) -> AsyncIterator[House]:
    (tmp_path / "vendor.pub").write_text(KEY.public_key().public_bytes_raw().hex() + "\n")
    metrics = Metrics()
    ledger = create_ledger(LedgerSettings(database_url=database_url, heartbeat_seconds=BEAT_SECONDS), bus, clock, metrics)
    asked = httpx.ASGITransport(ledger)
    files = LicenseFileSettings(database_url=database_url, ledger_url="http://ledger", trusted_keys_dir=tmp_path, review_seconds=0.2)
    watch = AlarmsSettings(database_url=database_url, watch_seconds=LOOK_SECONDS)
    apps = [
        create_alarms(watch, bus, clock, metrics),
        create_licensefile(files, bus, clock, metrics, ledger=asked),
        ledger,
        create_calculator(CalculatorSettings(database_url=database_url, ledger_url="http://ledger"), bus, clock, metrics, ledger=asked),
    ]
    async with AsyncExitStack() as stack:
        alarms, licensefile, client, _ = [await stack.enter_async_context(running(app)) for app in apps]
        house = House(client, licensefile, alarms, bus, clock, apps[0].state.kit)
        await begin(house)
        yield house


async def begin(house: House) -> None:
    """A cluster with one file for ever and one that ends within the month."""

    async def priced() -> bool:
        return (await house.ledger.get("/readyz")).status_code == 200

    await eventually(priced, "the catalogue arrives")
    (await house.ledger.put(f"/v1/clusters/{CLUSTER}", json={"product_version": "5.0"})).raise_for_status()
    (await house.ledger.put(f"/v1/clusters/{CLUSTER}/nodes/cm1", json={"mac": MAC, "first": True})).raise_for_status()
    ends = (datetime.now(UTC) + timedelta(days=20)).date()
    await house.upload("for-ever.lic", made_file(license_file_id=PERMANENT, units=1000, mac=MAC))
    await house.upload("a-month.lic", made_file(license_file_id=MONTHLY, units=500, mac=MAC, expiry=ends))
    for number in range(3):
        device = f"/v1/clusters/{CLUSTER}/devices/SEP{number}"
        assert (await house.ledger.put(device, json={"device_type": "cisco-7970"})).status_code == 201
    await becomes(house, 1500)
    await house.beats(2)


async def becomes(house: House, units: int) -> None:
    async def look() -> bool:
        return await house.authorized() == units

    await eventually(look, f"{units} units are authorized")


async def test_a_month_on_and_an_hour_back_move_what_the_clock_decides_and_nothing_else(house: House) -> None:
    house.clock.put(timedelta(days=31))
    await becomes(house, 1000)  # the file that ended is taken back
    await house.beats(5)
    assert await house.listed("CiscoLicenseManagerDown") == [], "the ledger was never silent: only the clock moved"

    house.clock.put(timedelta(hours=-1))
    await house.beats(5)
    assert await house.authorized() == 1000, "what expired stays expired, what is for ever stays"
    assert await house.listed("CiscoLicenseManagerDown") == []
    report = (await house.ledger.get(f"/v1/clusters/{CLUSTER}/unit-report")).json()
    assert next(each["used"] for each in report["features"] if each["feature"] == "PHONE_UNIT") == 15
    gone = await house.ledger.delete(f"/v1/clusters/{CLUSTER}/devices/SEP0")
    assert gone.status_code == 204
    for name in ("CiscoLicenseInternalError", "CiscoLicenseDataStoreError", "CiscoLicenseFileError"):
        assert await house.listed(name) == [], name
