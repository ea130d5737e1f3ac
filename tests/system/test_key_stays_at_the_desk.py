"""From the order to the installed file, its re-host, a refusal and a revoked key: nothing but the signing key's own file holds the
vendor's private key or what opens it: no answer, no event, no log, no table of any service, and nothing of what the customer backs up."""

import json
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from services.registration.clients.signing_key import load_or_make
from shared.contracts.events.licensefile import LicenseFileInstalled, LicenseFileRefused, LicenseFileStateChanged
from shared.kit.postgres import EmbeddedPostgres
from tests.house import RememberingBus, logged
from tests.system.in_process import EMAIL, MAC, InProcess, services_on
from tests.system.leaks import all_forms, files_below, within
from tests.system.side import Side, migrated_side
from tests.unit.registration.test_signing_key import settings

PASSPHRASE = b"correct horse battery staple"
OTHER_MAC = "0015C5F3A1B3"
SCHEMAS = ("ledger", "licensefile", "calculator", "alarms", "gateway", "registration")


class Told:
    """Everything that anybody was answered, head and body."""

    def __init__(self) -> None:
        self.bytes = bytearray()

    async def __call__(self, response: httpx.Response) -> None:
        self.bytes += repr(response.headers.multi_items()).encode() + await response.aread()


@asynccontextmanager
async def listening(side: Side, bus: RememberingBus, keys: Path, told: Told) -> AsyncIterator[InProcess]:
    async with services_on(side.url, bus, keys) as running:
        for client in running.clients.values():
            client.event_hooks["response"].append(told)
        yield running


async def story(running: InProcess, bus: RememberingBus, keys: Path) -> None:
    """What customers and the vendor do with each other, and some of what goes wrong."""
    desk, files = running.clients["registration"], running.clients["licensefile"]
    await running.make_cluster()
    content = await running.license_file(1000)
    first = (await running.upload(content)).raise_for_status().json()["license_file_id"]
    (await running.clients["ledger"].put("/v1/clusters/hq/nodes/cm1", json={"mac": OTHER_MAC, "first": True})).raise_for_status()
    moved = {"license_file_id": first, "mac": OTHER_MAC, "email": EMAIL, "reason": "the first node failed"}
    second = (await desk.post("/v1/rehosts", json=moved)).raise_for_status().json()["license_file_id"]
    again = (await desk.get(f"/v1/registrations/{second}/license-file")).raise_for_status().content
    assert (await running.upload(again)).status_code == 201
    assert (await running.upload(again.replace(b"<Count>1000<", b"<Count>9000<"))).status_code == 422
    assert (await desk.post("/v1/rehosts", json=moved)).status_code == 409
    assert (await desk.post("/v1/registrations", json={"pak": "NO SUCH", "mac": MAC, "email": EMAIL})).status_code >= 400
    (keys / "trusted" / "lost.revoked").write_bytes((keys / "trusted" / "vendor.pub").read_bytes())
    kit = running.apps["licensefile"].state.kit
    await kit.plan.timers.run_once(kit.database, "follow_keys")
    assert (await files.get("/v1/trusted-keys")).raise_for_status().json()["items"][0]["state"] == "revoked"
    await files.get("/v1/clusters/hq/license-files")
    await bus.hear(LicenseFileInstalled, 2)
    await bus.hear(LicenseFileRefused)
    await bus.hear(LicenseFileStateChanged)


def content_of(dump: Path, postgres: EmbeddedPostgres) -> bytes:
    """A back-up, and what is packed in it."""
    restored = subprocess.run([postgres.bin_dir / "pg_restore", "--file=-", dump], check=True, capture_output=True).stdout
    return dump.read_bytes() + restored


def rows_of(side: Side, schema: str) -> bytes:
    """All of a schema as text."""
    command = [str(side.postgres.bin_dir / "pg_dump"), "--data-only", "--inserts", f"--schema={schema}", side.database]
    return subprocess.run(command, env={**os.environ, **side.environment}, check=True, capture_output=True).stdout


async def test_the_vendors_key_is_in_its_file_and_nowhere_else(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    keys, told, bus = tmp_path / "keys", Told(), RememberingBus()
    keys.mkdir()
    side = await migrated_side(postgres, f"side_{uuid4().hex[:12]}", tmp_path)
    with logged() as lines:
        async with listening(side, bus, keys, told) as running:
            await story(running, bus, keys)
        dump = Path(side.succeed("backup.sh", SIDE="customer", BACKUPS=str(tmp_path / "made")))
    await bus.close()
    places = {
        "answers": bytes(told.bytes),
        "events": b"\n".join(envelope.model_dump_json().encode() for envelope in bus.envelopes),
        "logs": json.dumps(lines).encode(),
        "the customer's back-up": content_of(dump, postgres),
        "the customer's keys": b"\n".join(files_below(keys / "trusted").values()),
        **{schema: rows_of(side, schema) for schema in SCHEMAS},
    }
    forms = all_forms((keys / "signing-key.pem").read_bytes(), PASSPHRASE)
    assert {name: found for name, content in places.items() if (found := within(content, forms))} == {}
    for name in ("answers", "events", "the customer's back-up", "licensefile", "registration"):
        assert within(places[name], [b"PHONE_UNIT"]), f"nothing was found in {name} that must be there"


@pytest.mark.parametrize("kept", ["raw", "hex", "coded", "in a dumped column"])
def test_a_leak_would_be_found(kept: str, tmp_path: Path) -> None:
    file = tmp_path / "signing.pem"
    made = load_or_make(settings(file, PASSPHRASE.decode(), make=True))
    seed = made.private.private_bytes_raw()
    forms = all_forms(file.read_bytes(), PASSPHRASE)
    leaks = {"raw": seed, "hex": seed.hex().encode(), "coded": forms[3], "in a dumped column": file.read_bytes().hex().encode()}
    assert within(b"before " + leaks[kept] + b" after", forms)
    assert within(b"nothing of it", forms) == []
