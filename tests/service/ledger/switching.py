"""The license manager switched by an administrator, and what everybody else is told then."""

from typing import Any

import httpx

from tests.service.ledger.conftest import LedgerUnderTest

B = "001500000002"
"""The address of cm2."""
MESSAGES = {
    "start": "Service Started Successfully",
    "stop": "Service Successfully Stopped",
    "restart": "Service Successfully Restarted",
}


async def switch(ledger: LedgerUnderTest, what: str, node: str = "cm1", cluster: str = "hq", by: str = "alice") -> httpx.Response:
    where = f"/v1/clusters/{cluster}/nodes/{node}/services/license-manager/{what}"
    return await ledger.http.post(where, headers={"licensing-caller": by})


async def switched(ledger: LedgerUnderTest, what: str, node: str = "cm1", by: str = "alice") -> None:
    answer = await switch(ledger, what, node, by=by)
    assert (answer.status_code, answer.json()) == (200, {"message": MESSAGES[what]})


async def service(ledger: LedgerUnderTest, node: str = "cm1") -> dict[str, Any]:
    answer = await ledger.http.get(f"/v1/clusters/hq/nodes/{node}/services")
    assert answer.status_code == 200, answer.text
    (one,) = answer.json()["items"]
    found: dict[str, Any] = one
    return found


def assert_stopped(answer: httpx.Response) -> None:
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (503, "urn:licensing:problem:license-manager-stopped"), answer.text
    assert int(answer.headers["retry-after"]) > 0
    assert (problem["license_manager"], problem["stopped_by"]) == ("cm1", "alice")
    assert problem["detail"].startswith(f"The license manager of 'hq' was stopped by 'alice' at {problem['stopped_at'][:19]}")
    assert problem["detail"].endswith("Start the service license-manager on node 'cm1', then try again.")
