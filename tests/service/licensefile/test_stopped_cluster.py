"""A cluster whose license manager is stopped, as the ledger says, takes no license file and gives none back."""

import httpx

from shared.contracts.events.licensefile import LicenseFileInstalled, LicenseFileRefused, LicenseFileStateChanged
from tests.house import RememberingBus
from tests.service.licensefile.conftest import CREATED_AT, Desk, StubLedger
from tests.unit.licensefile.made import FILE_ID, OTHER_ID, made_file

WHERE = "/v1/clusters/headquarters/license-files"


def stop(ledger: StubLedger, *, stopped: bool = True) -> None:
    more = {"status": "stopped", "stopped_by": "alice", "stopped_at": CREATED_AT} if stopped else {"status": "started", "stopped_at": None}
    ledger.clusters["headquarters"] |= {"license_manager": "cm1", **{f"license_manager_{name}": value for name, value in more.items()}}


def assert_stopped(answer: httpx.Response) -> None:
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (503, "urn:licensing:problem:license-manager-stopped"), answer.text
    assert int(answer.headers["retry-after"]) > 0
    assert (problem["license_manager"], problem["stopped_by"]) == ("cm1", "alice")
    assert "was stopped by 'alice' at 20" in problem["detail"]
    assert problem["detail"].endswith("Start the service license-manager on node 'cm1', then try again.")


async def test_an_upload_is_refused_and_leaves_nothing(desk: Desk, ledger: StubLedger, bus: RememberingBus) -> None:
    stop(ledger)
    assert_stopped(await desk.upload(made_file()))
    assert_stopped(await desk.upload(b"no license file"))
    assert await desk.listed() == []
    assert (bus.heard(LicenseFileInstalled), bus.heard(LicenseFileRefused)) == ([], [])
    stop(ledger, stopped=False)
    assert (await desk.upload(made_file())).status_code == 201


async def test_another_cluster_and_a_verification_are_not_concerned(desk: Desk, ledger: StubLedger) -> None:
    stop(ledger)
    assert (await desk.upload(made_file(), "branch")).status_code == 201
    assert (await desk.verify(made_file(license_file_id=OTHER_ID))).json()["verdict"] == "accepted"


async def test_an_answer_that_was_given_is_given_again(desk: Desk, ledger: StubLedger) -> None:
    headers = {"Idempotency-Key": "one"}
    first = await desk.upload(made_file(), headers=headers)
    stop(ledger)
    again = await desk.upload(made_file(), headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())


async def test_no_file_is_retired_and_one_that_was_stays_so(desk: Desk, ledger: StubLedger, bus: RememberingBus) -> None:
    await desk.upload(made_file())
    stop(ledger)
    assert_stopped(await desk.http.delete(f"{WHERE}/{FILE_ID}"))
    assert ((await desk.file(FILE_ID))["state"], bus.heard(LicenseFileStateChanged)) == ("installed", [])
    stop(ledger, stopped=False)
    assert (await desk.http.delete(f"{WHERE}/{FILE_ID}")).status_code == 204
    stop(ledger)
    assert (await desk.http.delete(f"{WHERE}/{FILE_ID}")).status_code == 204
