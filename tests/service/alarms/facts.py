"""Facts as their owners say them, and the alarms as a test looks at them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from fastapi import FastAPI

from shared.contracts.events import faults, ledger, licensefile
from shared.kit.clock import TestClock
from tests.house import RememberingBus

AT = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def pool(version: int, used: int, cluster: str = "headquarters", **more: Any) -> dict[str, Any]:
    """A PHONE_UNIT pool of 100 authorized and 5 of overdraft."""
    numbers = {"authorized": 100, "overdraft_allowed": 5, "used": used}
    return {"cluster": cluster, "feature": "PHONE_UNIT", "version": version, "at": at(version), **numbers, **more}


def switched(
    version: int, kind: type[ledger.NetworkServiceEvent] = ledger.LicenseManagerStopped, **more: Any
) -> ledger.NetworkServiceEvent:
    """The license manager was started or stopped for the ``version``th time."""
    told = {"cluster": "headquarters", "node": "cm1", "by": f"admin-{version}", "at": at(version), "version": version, **more}
    return kind.model_validate(told)


def refused(version: int, used: int, asked: int, *, rule: str = "units-exhausted", **more: Any) -> ledger.RequestRefused:
    numbers = pool(version, used, **more)
    return ledger.RequestRefused(**numbers, name="SEP001122334455", asked=asked, free=105 - used, rule=rule, detail="…")


def changed(version: int, used: int, **more: Any) -> ledger.PoolChanged:
    return ledger.PoolChanged(**pool(version, used, **more), status="overdraft" if used > 100 else "within")


def file_refused(seconds: float, file_name: str = "a.lic", cluster: str = "headquarters") -> licensefile.LicenseFileRefused:
    reasons = [licensefile.RefusalReason(code="signature_invalid", line=1, text="…")]
    return licensefile.LicenseFileRefused(cluster=cluster, file_name=file_name, refused_at=at(seconds), reasons=reasons)


def file_installed(seconds: float, cluster: str = "headquarters") -> licensefile.LicenseFileInstalled:
    return licensefile.LicenseFileInstalled(
        cluster=cluster,
        license_file_id="20260314092653589",
        version=1,
        file_name="a.lic",
        mac="0015C5F3A1B2",
        installed_at=at(seconds),
        expires_at=None,
        lines=[],
        replaces=[],
    )


def store_failed(seconds: float) -> faults.LedgerDataStoreFailed:
    return faults.LedgerDataStoreFailed(
        service="ledger", at=at(seconds), operation="PUT /v1/x", correlation_id="c0ffee", error="ConnectionRefusedError"
    )


def store_recovered(seconds: float, failed: float) -> faults.LedgerDataStoreRecovered:
    return faults.LedgerDataStoreRecovered(service="ledger", at=at(seconds), failed_at=at(failed))


def internal_error(moment: datetime, correlation_id: str = "c0ffee") -> faults.LicenseFileInternalErrorOccurred:
    return faults.LicenseFileInternalErrorOccurred(
        service="licensefile", at=moment, operation="timer grace", correlation_id=correlation_id, error="KeyError"
    )


def beat(moment: datetime) -> faults.LedgerHeartBeaten:
    return faults.LedgerHeartBeaten(service="ledger", at=moment, interval_seconds=5)


@dataclass
class Alarms:
    """A running alarms service: its doors, its bus, its clock."""

    app: FastAPI
    http: httpx.AsyncClient
    bus: RememberingBus
    clock: TestClock

    async def listed(self, name: str, **filters: str) -> list[dict[str, Any]]:
        """All alarms of a name, newest first."""
        answer = await self.http.get("/v1/alarms", params={"name": f"CiscoLicense{name}", **filters})
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def only(self, name: str) -> dict[str, Any]:
        (alarm,) = await self.listed(name)
        return alarm

    async def states(self, name: str, **filters: str) -> list[tuple[str, int]]:
        """State and count of every alarm of a name, newest first."""
        return [(alarm["state"], alarm["count"]) for alarm in await self.listed(name, **filters)]

    async def tick(self, timer: str) -> None:
        """Run one timer now."""
        kit = self.app.state.kit
        await kit.plan.timers.run_once(kit.database, timer)

    async def metric(self, line: str) -> float:
        """The value of a sample as a scrape shows it, by its name and labels."""
        text = (await self.http.get("/metrics")).text
        (value,) = [row.rpartition(" ")[2] for row in text.splitlines() if row.startswith(line)]
        return float(value)

    async def active(self, name: str, severity: str, cluster: str = "") -> float:
        return await self.metric(f'license_alarms_active{{cluster="{cluster}",name="CiscoLicense{name}",severity="{severity}"}}')
