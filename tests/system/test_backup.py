"""An installation that is backed up while it works and restored on empty servers reports the same to the letter; the customer's
back-up holds nothing of the vendor's key; and what the lost broker held reaches its readers all the same."""

import re
import shutil
import stat
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from shared.contracts.base import Envelope
from shared.contracts.events.ledger import ClusterChanged
from shared.contracts.events.licensefile import LicenseFileInstalled
from shared.kit.data_folder import DataFolder
from shared.kit.migrations import migrate
from shared.kit.postgres import EmbeddedPostgres
from tests.house import ROOT, RememberingBus, eventually
from tests.system.conftest import new_place
from tests.system.database import dead_letters, server_of, waiting_events
from tests.system.in_process import InProcess, services_on
from tests.system.instance import Place, started
from tests.system.leaks import all_forms, clear_forms, files_below, within
from tests.system.product import Product, mac, users_of
from tests.system.side import OWNER, Side, migrated_side

OF_THE_CUSTOMER = (
    "/v1/clusters",
    "/v1/clusters/one/unit-report",
    "/v1/clusters/two/unit-report",
    "/v1/clusters/one/journal",
    "/v1/clusters/one/journal/verification",
    "/v1/clusters/one/devices",
    "/v1/clusters/one/license-files",
    "/v1/clusters/two/license-files",
    "/v1/alarms",
    "/v1/callers",
    "/v1/device-types",
)
OF_THE_VENDOR = ("/v1/orders", "/v1/registrations")
SIGNING_KEY, PASSPHRASE = Path("vendor/signing-key.pem"), Path("secrets/signing-key-passphrase")
KEPT = ("admin.key", "vendor.key", "secrets/signing-key-passphrase", "trusted-keys/vendor.pub")


@dataclass(frozen=True)
class BackedUp:
    """The two files, what was reported when they were made, and the place that they were made of, which is gone by then."""

    customer: Path
    vendor: Path
    reports: dict[str, Any]
    files: dict[str, bytes]
    place: Place


async def reports_of(product: Product, *paths: str) -> dict[str, Any]:
    """What is told about what is kept; the moment of the telling left out."""
    found = {}
    for path in paths:
        asking = product.vendor if path in OF_THE_VENDOR else product.admin
        found[path] = without((await asking.get(path)).raise_for_status().json(), "at")
    return found


def without(report: Any, *names: str) -> Any:
    if isinstance(report, dict):
        return {name: without(value, *names) for name, value in report.items() if name not in names}
    return [without(each, *names) for each in report] if isinstance(report, list) else report


async def lived_in(product: Product) -> dict[str, bytes]:
    """Two clusters with license files, one in overdraft; a refused file; a caller; an order that waits. The files by id."""
    files = {}
    for number, cluster in enumerate(("one", "two")):
        await product.make_cluster(cluster, mac(number))
        file = await product.file_for(mac(number), 2, 20)
        await product.install(cluster, file)
        files[file.license_file_id] = file.content
    for device in range(6):
        await product.put_device("one", f"SEP{device}", "cisco-7920")
    await product.alarm("CiscoLicenseRequestFailed", "one/PHONE_UNIT", "active")
    assert (await product.upload("two", await product.file_for(mac(7), 1, 5))).status_code == 422
    await product.approved_pak(3, 300)
    (await product.admin.post("/v1/callers", json={"caller": "a reader", "scope": "viewer"})).raise_for_status()
    return files


def side_of(place: Place, folder: Path) -> Side:
    """The database of a running instance, as the scripts reach it."""
    password = (place.data / "secrets" / "database-password").read_text()
    return Side.on(EmbeddedPostgres(server_of(place), password), "licensing", folder)


async def settled(place: Place) -> None:
    async def nothing_waits() -> bool:
        return await waiting_events(place) == []

    await eventually(nothing_waits, "every event is handed over")


@pytest.fixture(scope="module")
async def back_up(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BackedUp]:
    """Made of a working instance."""
    folder = tmp_path_factory.mktemp("backups")
    with new_place({}) as place:
        with started(place):
            async with users_of(place) as product:
                files = await lived_in(product)
                await settled(place)
                reports = await reports_of(product, *OF_THE_CUSTOMER, *OF_THE_VENDOR)
            key, side = place.data / "vendor" / "signing-key.pem", side_of(place, folder)
            customer = Path(side.succeed("backup.sh", SIDE="customer", BACKUPS=str(folder / "made")))
            vendor = Path(side.succeed("backup.sh", SIDE="vendor", BACKUPS=str(folder / "made"), LICENSING_SIGNING_KEY_FILE=str(key)))
        yield BackedUp(customer, vendor, reports, files, place)


@asynccontextmanager
async def restored(back_up: BackedUp, name: str, *kept: str) -> AsyncIterator[tuple[Place, Product]]:
    """One side on another machine, with these of the old one's files, which no back-up of rows holds; an instance works on it, and what
    was handed over again has arrived."""
    with new_place({}) as place:
        folder = DataFolder.open(place.data)
        postgres = await EmbeddedPostgres.start(folder)
        for file in kept:
            target = place.data / file
            target.parent.mkdir(mode=0o700, exist_ok=True)
            shutil.copy2(back_up.place.data / file, target)
        key = place.data / "vendor" / "signing-key.pem"
        key.parent.mkdir(mode=0o700, exist_ok=True)
        side = Side.on(postgres, "licensing", place.data.parent)
        dump = back_up.vendor if name == "vendor" else back_up.customer
        try:
            side.succeed("restore.sh", dump, SIDE=name, LICENSING_SIGNING_KEY_FILE=str(key))
        finally:
            await postgres.stop()
            folder.close()
        with started(place):
            await settled(place)
            async with users_of(place) as product:
                yield place, product


async def test_the_customers_side_reports_the_same_on_another_machine(back_up: BackedUp) -> None:
    async with restored(back_up, "customer", *KEPT, "vendor/signing-key.pem") as (place, product):
        found = await reports_of(product, *OF_THE_CUSTOMER)
        assert found == {path: back_up.reports[path] for path in OF_THE_CUSTOMER}
        assert await dead_letters(place) == 0
        assert (await product.put_device("two", "SEP-later", "cisco-7920")).status_code == 201


async def test_the_vendors_side_reports_the_same_and_signs_with_the_same_key(back_up: BackedUp) -> None:
    async with restored(back_up, "vendor", *KEPT) as (place, product):
        assert stat.S_IMODE((place.data / "vendor" / "signing-key.pem").stat().st_mode) == 0o600
        assert await reports_of(product, *OF_THE_VENDOR) == {path: back_up.reports[path] for path in OF_THE_VENDOR}
        for license_file_id, content in back_up.files.items():
            again = await product.vendor.get(f"/v1/registrations/{license_file_id}/license-file")
            assert again.raise_for_status().content == content
        await product.make_cluster("three", mac(3))
        await product.install("three", await product.file_for(mac(3), 1, 100))  # signed now, and trusted by the key of then


def secrets_of(place: Place) -> tuple[bytes, bytes]:
    """The sealed key and what opens it."""
    return (place.data / SIGNING_KEY).read_bytes(), (place.data / PASSPHRASE).read_bytes().strip()


def contents_of(dump: Path, postgres: EmbeddedPostgres) -> bytes:
    """The file, and what is packed in it."""
    unpacked = subprocess.run([postgres.bin_dir / "pg_restore", "--file=-", dump], check=True, capture_output=True).stdout
    assert b"COPY gateway.caller" in unpacked
    return dump.read_bytes() + unpacked


def test_a_customers_back_up_has_no_byte_of_the_vendors_key(back_up: BackedUp, postgres: EmbeddedPostgres) -> None:
    pem, passphrase = secrets_of(back_up.place)
    assert within(contents_of(back_up.customer, postgres), all_forms(pem, passphrase)) == []
    assert [*back_up.customer.parent.glob("customer-*.pem")] == []
    kept = back_up.vendor.with_suffix(".key.pem").read_bytes()
    assert kept == pem
    assert within(kept + contents_of(back_up.vendor, postgres), clear_forms(pem, passphrase)) == []


def test_no_other_file_of_an_installation_has_a_byte_of_the_vendors_key(back_up: BackedUp) -> None:
    """Logs, keys, and the database's own pages and write-ahead log, as they lie on the disk."""
    pem, passphrase = secrets_of(back_up.place)
    files = files_below(back_up.place.data)
    assert {SIGNING_KEY, PASSPHRASE, Path("licensing.log"), Path("pgdata/PG_VERSION")} <= files.keys()
    forms = all_forms(pem, passphrase)
    assert [path for path, content in files.items() if path not in (SIGNING_KEY, PASSPHRASE) and within(content, forms)] == []


def test_a_back_up_is_its_owners_alone(back_up: BackedUp) -> None:
    folder = back_up.customer.parent
    names = sorted(re.sub(r"-\d{8}T\d{6}Z", "", path.name) for path in folder.iterdir())
    made = ("customer.dump", "vendor.dump", "vendor.key.pem")
    assert names == sorted(name + end for name in made for end in ("", ".sha256"))
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", *folder.glob("*.sha256")], cwd=folder, check=True)


class Broker(RememberingBus):
    """Takes every event for good, as a broker does, and is lost before a reader of ``held`` types had it."""

    def __init__(self, *held: str) -> None:
        super().__init__()
        self.held = held

    async def publish(self, envelope: Envelope) -> None:
        if envelope.type in self.held:
            self.envelopes.append(envelope)
        else:
            await super().publish(envelope)


async def test_what_only_the_lost_broker_held_reaches_its_reader_after_the_restore(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    side = await migrated_side(postgres, f"side_{uuid4().hex[:12]}", tmp_path)
    broker = Broker(LicenseFileInstalled.type)
    async with services_on(side.url, broker, tmp_path) as before:
        await before.make_cluster()
        assert (await before.upload(await before.license_file(1000))).status_code == 201
        await broker.hear(LicenseFileInstalled)
        await no_event_waits(before)
        assert await before.authorized() == 0
        heard = Counter(envelope.type for envelope in broker.envelopes)
        made = side.succeed("backup.sh", SIDE="customer", BACKUPS=str(tmp_path / "made"))
    await broker.close()
    restored = Side.on(postgres, f"side_{uuid4().hex[:12]}", tmp_path)
    restored.succeed("restore.sh", made, SIDE="customer")
    restored.succeed("postgres/roles.sh", LICENSING_SIDE="vendor")
    await migrate(restored.url(OWNER), "registration", ROOT / "services/registration/migrations")
    bus = RememberingBus()
    async with services_on(restored.url, bus, tmp_path) as after:

        async def granted() -> bool:
            return await after.authorized() == 1000

        await eventually(granted, "the ledger grants what it had not heard before")
        await no_event_waits(after)
        again = Counter(envelope.type for envelope in bus.envelopes)
        assert again[LicenseFileInstalled.type] == 1
        assert again[ClusterChanged.type] >= heard[ClusterChanged.type] > 0  # and its reader knew it
        assert (await after.clients["ledger"].get("/v1/clusters/hq")).json()["version"] >= 2
    await bus.close()


async def no_event_waits(running: InProcess) -> None:
    async def look() -> bool:
        waiting = 0
        for app in running.apps.values():
            database = app.state.kit.database
            async with database.transaction() as tx:
                waiting += await tx.session.scalar(select(func.count()).select_from(database.tables.outbox))
        return waiting == 0

    await eventually(look, "every event left its outbox")
