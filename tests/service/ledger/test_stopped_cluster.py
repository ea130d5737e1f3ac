"""What goes on in a cluster whose license manager is stopped, and what waits for its start."""

from sqlalchemy import text

from tests.service.ledger.conftest import MAC, LedgerUnderTest
from tests.service.ledger.switching import assert_stopped, service, switched


async def test_grants_that_were_accepted_arrive_while_it_is_stopped(hq: LedgerUnderTest) -> None:
    await switched(hq, "stop")
    await hq.install(2, ("PHONE_UNIT", 100, 0), mac=MAC)
    assert (await hq.pool())[0] == 120
    await hq.change_file(2, 2, "expired", granting=False)
    assert (await hq.pool())[0] == 20
    await hq.assert_journal()


async def test_reports_tell_the_status_of_now_and_of_then_and_verification_proves_it(hq: LedgerUnderTest) -> None:
    moments = [(await hq.report())["at"]]
    for what in ("stop", "start", "restart"):
        await switched(hq, what)
        moments.append((await hq.report())["at"])
    told = [(await hq.http.get("/v1/clusters/hq/unit-report", params={"at": str(at)})).json() for at in moments]
    assert [report["license_manager"]["status"] for report in told] == ["started", "stopped", "started", "started"]
    await switched(hq, "stop")
    now = await hq.report()
    assert now["license_manager"] == {"node": "cm1", "mac": MAC, "status": "stopped"}
    cluster = (await hq.http.get("/v1/clusters/hq")).json()
    assert (cluster["license_manager_status"], cluster["license_manager_stopped_by"]) == ("stopped", "alice")
    await hq.assert_journal()
    async with hq.database.engine.begin() as connection:
        await connection.execute(text("UPDATE cluster SET service_stopped = false"))
    verdict = (await hq.http.get("/v1/clusters/hq/journal/verification")).json()
    assert "the license manager that is kept is not started or stopped as it tells" in verdict["first_fault"]["reason"]


async def test_no_lease_runs_while_it_is_stopped_and_all_begin_anew_at_the_start(hq: LedgerUnderTest) -> None:
    async def lapse() -> None:
        """An hour passes, in which the ledger listens."""
        async with hq.database.direct() as tx:
            await tx.execute("UPDATE device SET lease_ends_at = lease_ends_at - interval '1 hour'")
            await tx.execute("UPDATE lease_clock SET runs_from = runs_from - interval '1 hour'")
        for timer in ("tick_leases", "reclaim_lapsed"):
            await hq.app.state.kit.plan.timers.run_once(hq.database, timer)

    async def ends() -> object:
        return (await hq.http.get("/v1/clusters/hq/devices/mobile")).json()["lease_ends_at"]

    await hq.put("mobile", lease_seconds=60)
    await switched(hq, "stop")
    await lapse()
    assert (await hq.pool())[2] == 5
    assert await ends() is None
    await switched(hq, "start")
    since = (await service(hq))["since"]
    await lapse()  # of what was before the start nothing counts
    assert (await hq.pool())[2] == 5
    assert str(await ends()) > since
    async with hq.database.direct() as tx:
        await tx.execute("UPDATE cluster SET service_since = service_since - interval '1 hour'")
    await lapse()
    assert (await hq.pool())[2] == 4


async def test_a_reconciliation_that_was_accepted_waits_for_the_start(hq: LedgerUnderTest) -> None:
    where = "/v1/clusters/hq/reconciliations"
    wanted = {"devices": [{"device": "new", "device_type": "phone-1"}]}
    compared = (await hq.http.post(where, params={"dry_run": True}, json=wanted)).json()
    await switched(hq, "stop")
    assert (await hq.http.post(where, params={"dry_run": True}, json=wanted)).status_code == 201
    one = f"{where}/{compared['reconciliation_id']}"
    assert_stopped(await hq.http.post(f"{one}/apply"))
    async with hq.database.direct() as tx:  # as if it had been asked a moment before the stop
        await tx.execute("UPDATE reconciliation SET state = 'applying' WHERE reconciliation_id = $1", compared["reconciliation_id"])
    await hq.app.state.reconciler.go_on_with_all()
    waiting = (await hq.http.get(one)).json()
    assert (waiting["state"], (await hq.pool())[2]) == ("applying", 4)
    assert await hq.rows(f"SELECT attempts FROM reconciliation WHERE reconciliation_id = '{compared['reconciliation_id']}'") == [(0,)]
    await switched(hq, "start")
    await hq.app.state.reconciler.go_on_with_all()
    assert ((await hq.http.get(one)).json()["state"], (await hq.pool())[2]) == ("applied", 1)
