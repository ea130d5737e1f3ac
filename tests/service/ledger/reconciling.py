"""Inventories sent to a ledger under test, and what it says of them."""

import httpx

from tests.service.ledger.conftest import LedgerUnderTest, catalogue

ROOT = "/v1/clusters/hq/reconciliations"
Body = dict[str, object]
STATE = "SELECT cluster, device, device_type, units, adjunct_of, checked_out_at FROM device ORDER BY 1, 2"


async def send(ledger: LedgerUnderTest, devices: dict[str, str], cluster: str = "hq", *, dry_run: bool = True) -> Body:
    body = {"devices": [{"device": name, "device_type": kind} for name, kind in devices.items()]}
    answer = await ledger.http.post(f"/v1/clusters/{cluster}/reconciliations?dry_run={dry_run}", json=body)
    assert answer.status_code == 201, answer.text
    found: Body = answer.json()
    return found


async def send_text(ledger: LedgerUnderTest, text: str | bytes, content_type: str = "text/csv") -> httpx.Response:
    return await ledger.http.post(f"{ROOT}?dry_run=true", content=text, headers={"content-type": content_type})


async def do(ledger: LedgerUnderTest, asked: str, one: Body, cluster: str = "hq") -> Body:
    answer = await ledger.http.post(f"/v1/clusters/{cluster}/reconciliations/{one['reconciliation_id']}/{asked}")
    assert answer.status_code == 200, answer.text
    found: Body = answer.json()
    return found


async def listed(ledger: LedgerUnderTest, one: Body, **asked: str) -> list[dict[str, object]]:
    """All differences, page by page."""
    found: list[dict[str, object]] = []
    cursor: str | None = None
    while True:
        params = {"limit": "3", **asked, **({"cursor": cursor} if cursor else {})}
        page = (await ledger.http.get(f"{ROOT}/{one['reconciliation_id']}/differences", params=params)).json()
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


async def journal_is_intact(ledger: LedgerUnderTest, cluster: str = "hq") -> bool:
    return bool((await ledger.http.get(f"/v1/clusters/{cluster}/journal/verification")).json()["intact"])


async def busy_cluster(ledger: LedgerUnderTest) -> dict[str, str]:
    """Devices of every kind of difference; the inventory that differs from them so."""
    await ledger.put_cluster("branch")
    await ledger.put("double", "phone-4", "branch")
    for name, kind in {"right": "phone-4", "wrong": "phone-1", "ghost": "phone-5", "double": "phone-4", "rated": "soft"}.items():
        assert (await ledger.put(name, kind)).status_code == 201
    assert (await ledger.put("pc", "soft", adjunct_of="ghost")).status_code == 201
    assert (await ledger.put("old-pc", "soft", adjunct_of="ghost")).status_code == 201
    await ledger.bus.say(catalogue(2, soft=2))
    return {"right": "phone-4", "wrong": "phone-5", "double": "phone-4", "rated": "soft", "pc": "soft", "new": "phone-1", "odd": "fax"}
