"""The six services in this process, each on a database's URL of its own: as its own role, on a server that a test prepared."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from fastapi import FastAPI
from pydantic import SecretStr

from gateway.app import create_app as create_gateway
from gateway.settings import GatewaySettings
from services.alarms.app import create_app as create_alarms
from services.alarms.settings import AlarmsSettings
from services.calculator.app import create_app as create_calculator
from services.calculator.settings import CalculatorSettings
from services.ledger.app import create_app as create_ledger
from services.ledger.settings import LedgerSettings
from services.licensefile.app import create_app as create_licensefile
from services.licensefile.settings import LicenseFileSettings
from services.registration.app import create_app as create_registration
from services.registration.settings import RegistrationSettings
from shared.kit.bus import Bus
from shared.kit.clock import SystemClock
from shared.kit.metrics import Metrics
from tests.house import running

MAC, EMAIL = "0015C5F3A1B2", "it@example.com"
UrlOf = Callable[[str], str]


@dataclass(frozen=True)
class InProcess:
    """The running services by name, and a client of each."""

    apps: Mapping[str, FastAPI]
    clients: Mapping[str, httpx.AsyncClient]

    async def make_cluster(self, cluster: str = "hq") -> None:
        ledger = self.clients["ledger"]
        (await ledger.put(f"/v1/clusters/{cluster}", json={"product_version": "5.0", "starter": False})).raise_for_status()
        (await ledger.put(f"/v1/clusters/{cluster}/nodes/cm1", json={"mac": MAC, "first": True})).raise_for_status()

    async def license_file(self, units: int) -> bytes:
        """Ordered, approved, registered and signed."""
        desk, wanted = self.clients["registration"], {"customer": "Example Ltd", "email": EMAIL, "product_version": "5.0"}
        order = (await desk.post("/v1/orders", json={**wanted, "nodes": 1, "units": units})).raise_for_status().json()
        pak = (await desk.post(f"/v1/orders/{order['order_id']}/approval")).raise_for_status().json()["pak"]
        made = (await desk.post("/v1/registrations", json={"pak": pak, "mac": MAC, "email": EMAIL})).raise_for_status().json()
        return (await desk.get(f"/v1/registrations/{made['license_file_id']}/license-file")).raise_for_status().content

    async def upload(self, content: bytes, cluster: str = "hq") -> httpx.Response:
        return await self.clients["licensefile"].post(f"/v1/clusters/{cluster}/license-files", files={"file": ("a.lic", content)})

    async def authorized(self, cluster: str = "hq") -> int:
        """Units that the ledger knows of."""
        report = (await self.clients["ledger"].get(f"/v1/clusters/{cluster}/unit-report")).raise_for_status().json()
        return int(next((each["authorized"] for each in report["features"] if each["feature"] == "PHONE_UNIT"), 0))


def _built(url_of: UrlOf, bus: Bus, keys: Path) -> dict[str, FastAPI]:
    def url(service: str) -> SecretStr:
        return SecretStr(url_of(service))

    clock, metrics, trusted = SystemClock(), Metrics(), keys / "trusted"
    trusted.mkdir(parents=True, exist_ok=True)
    private, public = keys / "signing-key.pem", trusted / "vendor.pub"
    sealed = {"signing_key_file": private, "signing_key_passphrase": SecretStr("correct horse battery staple"), "public_key_file": public}
    desk = RegistrationSettings.model_validate({"database_url": url("registration"), **sealed, "make_signing_key": not private.exists()})
    ledger = create_ledger(LedgerSettings(database_url=url("ledger")), bus, clock, metrics)
    asked = httpx.ASGITransport(ledger, raise_app_exceptions=False)
    calculator = CalculatorSettings(database_url=url("calculator"), ledger_url="http://ledger")
    licensefile = LicenseFileSettings(database_url=url("licensefile"), ledger_url="http://ledger", trusted_keys_dir=trusted)
    return {
        "registration": create_registration(desk, bus, clock, metrics),
        "ledger": ledger,
        "calculator": create_calculator(calculator, bus, clock, metrics, ledger=asked),
        "licensefile": create_licensefile(licensefile, bus, clock, metrics, ledger=asked),
        "alarms": create_alarms(AlarmsSettings(database_url=url("alarms")), bus, clock, metrics),
        "gateway": create_gateway(GatewaySettings(database_url=url("gateway")), bus, clock, metrics, upstreams={"ledger": ledger}),
    }


@asynccontextmanager
async def services_on(url_of: UrlOf, bus: Bus, keys: Path) -> AsyncIterator[InProcess]:
    """All of them running, ``url_of`` each one's name; the desk's key lies in ``keys``, made where there is none."""
    apps = _built(url_of, bus, keys)
    async with AsyncExitStack() as stack:
        clients = {name: await stack.enter_async_context(running(app)) for name, app in apps.items()}
        yield InProcess(apps, clients)
