"""Control Center - Network Services: the license manager of a cluster is stopped, started and restarted."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from services.ledger.actions.settle_batch import Settled, Several
from services.ledger.store import devices
from shared.contracts.events.ledger import LicenseManagerStarted, LicenseManagerStopped, RequestRefused
from tests.service.ledger.conftest import LedgerUnderTest, catalogue
from tests.service.ledger.switching import MESSAGES, B, assert_stopped, service, switch, switched


async def journalled(ledger: LedgerUnderTest) -> list[tuple[object, ...]]:
    return await ledger.rows("SELECT reason, subject, caller FROM journal_entry WHERE kind = 'service' ORDER BY sequence")


async def test_the_service_is_shown_with_its_status_and_since_when(hq: LedgerUnderTest) -> None:
    shown = await service(hq)
    named = {"service": "license-manager", "name": "Cisco License Manager", "group": "Platform Services"}
    created = (await hq.http.get("/v1/clusters/hq")).json()["created_at"]
    assert shown == {**named, "status": "started", "since": created, "by": None}
    assert await service(hq, "cm2") == {**named, "status": "stopped", "since": None, "by": None}
    await switched(hq, "stop")
    stopped = await service(hq)
    assert (stopped["status"], stopped["by"]) == ("stopped", "alice")
    await switched(hq, "start", by="bob")
    started = await service(hq)
    assert (started["status"], started["by"]) == ("started", "bob")
    assert created < stopped["since"] < started["since"]


async def test_services_are_those_of_a_node_that_is_there(hq: LedgerUnderTest) -> None:
    for path in ("clusters/hq/nodes/cm9", "clusters/nowhere/nodes/cm1"):
        assert (await hq.http.get(f"/v1/{path}/services")).status_code == 404
        assert (await hq.http.post(f"/v1/{path}/services/license-manager/stop")).status_code == 404
        assert (await hq.http.post(f"/v1/{path}/services/license-manager/restart")).status_code == 404


@pytest.mark.parametrize("what", MESSAGES)
async def test_only_the_node_that_holds_the_role_is_switched(hq: LedgerUnderTest, what: str) -> None:
    answer = await switch(hq, what, "cm2")
    problem = answer.json()
    assert (answer.status_code, problem["type"], problem["license_manager"]) == (
        409,
        "urn:licensing:problem:license-manager-elsewhere",
        "cm1",
    )
    assert await journalled(hq) == []


async def test_stopped_nothing_changes_and_what_changes_nothing_is_answered(hq: LedgerUnderTest) -> None:
    before = await hq.pool()
    await switched(hq, "stop")
    for refused in (
        hq.put("new"),
        hq.put("new", "phone-5"),
        hq.put("desk", "phone-5"),
        hq.put("desk", "phone-4", device_class="emergency"),
        hq.delete("desk"),
        hq.put_node("cm3", "001500000003"),
        hq.put_node("cm2", "001500000003"),
        hq.put_node("cm2", B, first=True),
        hq.http.delete("/v1/clusters/hq/nodes/cm2"),
        hq.put_cluster(product_version="5.1"),
        hq.put_cluster(product_version="4.0"),
        hq.put_cluster(overdraft_policy={"allowance_percent": 0}),
        hq.http.post("/v1/clusters/hq/migration", json={"from_version": "4.2", "to_version": "5.0", "nodes": 1, "devices": []}),
        hq.http.post("/v1/clusters/hq/check-outs", json={"devices": [{"device": "new", "device_type": "phone-1"}], "atomic": True}),
        hq.http.post("/v1/clusters/hq/reconciliations", json={"devices": []}),
    ):
        assert_stopped(await refused)
    for unchanged in (hq.put("desk", "phone-4"), hq.put("desk", "phone-4", lease_seconds=60), hq.put_node("cm2", B), hq.put_cluster()):
        assert (await unchanged).status_code == 200
    for gone in (hq.delete("gone"), hq.http.delete("/v1/clusters/hq/nodes/gone")):
        assert (await gone).status_code == 204
    assert await hq.pool() == before
    assert hq.bus.heard(RequestRefused) == []
    await hq.assert_sums()
    await hq.assert_journal()
    await switched(hq, "start")
    assert (await hq.put("new")).status_code == 201
    assert (await hq.delete("desk")).status_code == 204


async def test_a_device_that_is_put_as_it_is_keeps_its_price_until_the_start(hq: LedgerUnderTest) -> None:
    await switched(hq, "stop")
    await hq.bus.say(catalogue(2, phone_4=7))
    answer = await hq.put("desk", "phone-4")
    assert (answer.status_code, answer.json()["units"]) == (200, 4)
    await switched(hq, "start")
    assert (await hq.put("desk", "phone-4")).json()["units"] == 7


async def test_of_many_each_says_that_it_was_refused(hq: LedgerUnderTest) -> None:
    await switched(hq, "stop")
    wanted = [{"device": "desk", "device_type": "phone-4"}, {"device": "new", "device_type": "phone-1"}]
    body = (await hq.http.post("/v1/clusters/hq/check-outs", json={"devices": wanted})).json()
    assert [one["outcome"] for one in body["results"]] == ["unchanged", "refused"]
    problem = body["results"][1]["problem"]
    assert (problem["type"], problem["status"], problem["stopped_by"]) == ("urn:licensing:problem:license-manager-stopped", 503, "alice")
    back = (await hq.http.post("/v1/clusters/hq/check-ins", json={"devices": ["desk", "gone"]})).json()
    assert [one["outcome"] for one in back["results"]] == ["refused", "gone"]


async def test_what_is_as_wanted_stays_as_it_is_and_is_recorded_once(hq: LedgerUnderTest) -> None:
    await switched(hq, "start")
    assert await journalled(hq) == []
    for by in ("alice", "bob"):
        await switched(hq, "stop", by=by)
    assert (await service(hq))["by"] == "alice"
    for by in ("carol", "dave"):
        await switched(hq, "start", by=by)
    await switched(hq, "restart", by="erin")
    assert await journalled(hq) == [
        ("stopped", "license-manager", "alice"),
        ("started", "license-manager", "carol"),
        ("restarted", "license-manager", "erin"),
    ]
    (stopped,) = await hq.bus.hear(LicenseManagerStopped)
    started = await hq.bus.hear(LicenseManagerStarted, 2)
    assert (stopped.cluster, stopped.node, stopped.by, stopped.version) == ("hq", "cm1", "alice", 1)
    assert [(fact.by, fact.version) for fact in started] == [("carol", 2), ("erin", 3)]


async def test_a_restart_starts_what_was_stopped(hq: LedgerUnderTest) -> None:
    await switched(hq, "stop")
    await switched(hq, "restart")
    assert (await hq.put("new")).status_code == 201
    assert [fact.version for fact in await hq.bus.hear(LicenseManagerStarted)] == [2]


async def test_the_state_stays_when_the_role_moves_and_the_new_holder_starts_it(hq: LedgerUnderTest) -> None:
    await switched(hq, "stop")
    await hq.install(2, ("PHONE_UNIT", 10, 0), mac=B, installed_at="2026-03-13T00:00:00Z")
    await hq.change_file(1, 2, "retired", granting=False)
    assert (await hq.http.get("/v1/clusters/hq")).json()["license_manager"] == "cm2"
    assert [(await service(hq, node))["status"] for node in ("cm1", "cm2")] == ["stopped", "stopped"]
    assert (await service(hq, "cm2"))["by"] == "alice"
    assert "on node 'cm2'" in (await hq.put("new")).json()["detail"]
    assert (await switch(hq, "start", "cm1")).status_code == 409
    await switched(hq, "start", "cm2")
    assert (await hq.put("new")).status_code == 201


async def test_a_stopped_cluster_whose_role_nobody_holds_can_be_started(hq: LedgerUnderTest) -> None:
    await hq.http.delete("/v1/clusters/hq/nodes/cm1")
    await hq.install(2, ("PHONE_UNIT", 1, 0), mac=B)
    await switched(hq, "stop", "cm2")
    for number in (1, 2):
        await hq.change_file(number, 2, "retired", granting=False)
    assert (await hq.http.get("/v1/clusters/hq")).json()["license_manager"] is None
    assert "on any of its nodes" in (await hq.put("new")).json()["detail"]
    await switched(hq, "start", "cm2")
    assert (await hq.delete("desk")).status_code == 204


async def test_what_is_queued_is_served_by_a_restart_and_refuses_nobody(hq: LedgerUnderTest) -> None:
    puts = [asyncio.create_task(hq.put(f"d{n}")) for n in range(12)]
    again = [asyncio.create_task(switch(hq, "restart")) for _ in range(3)]
    more = [asyncio.create_task(hq.put(f"e{n}")) for n in range(4)]
    answers = await asyncio.gather(*puts, *again, *more)
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [201] * 16
    assert (await hq.pool())[2] == 20
    await hq.assert_journal()


async def test_a_restart_waits_for_what_is_at_work_and_queued(hq: LedgerUnderTest) -> None:
    desks, load = hq.app.state.desks, devices.load
    at_work, drains, go_on = asyncio.Event(), asyncio.Event(), asyncio.Event()
    ask = desks.ask

    async def held_up(*given: Any) -> devices.Loaded:
        loaded = await load(*given)
        at_work.set()
        await go_on.wait()
        return loaded

    async def asked(key: str, command: Several, weight: int = 1) -> Settled:
        if not command.commands:
            drains.set()
        settled: Settled = await ask(key, command, weight)
        return settled

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(devices, "load", held_up)
        patch.setattr(desks, "ask", asked)
        first = asyncio.create_task(hq.put("first"))
        await at_work.wait()
        second = asyncio.create_task(hq.put("second"))
        restart = asyncio.create_task(switch(hq, "restart"))
        await asyncio.wait({restart, asyncio.create_task(drains.wait())}, return_when=asyncio.FIRST_COMPLETED)
        go_on.set()
        answers = await asyncio.gather(first, second, restart)
    assert [answer.status_code for answer in answers] == [201, 201, 200]
    journal = await hq.rows("SELECT kind, subject FROM journal_entry WHERE cluster = 'hq' ORDER BY sequence DESC LIMIT 3")
    assert journal[0] == ("service", "license-manager")
    assert sorted(journal[1:]) == [("check_out", "first"), ("check_out", "second")]


async def test_a_scrape_shows_whether_it_is_started(hq: LedgerUnderTest) -> None:
    for what, figure in (("stop", "0.0"), ("start", "1.0")):
        await switched(hq, what)
        assert f'license_manager_started{{cluster="hq"}} {figure}' in (await hq.http.get("/metrics")).text


@pytest.mark.parametrize(
    "change",
    [
        "service_version = 1",
        "service_version = 1, service_since = now()",
        "service_version = 1, service_since = now(), service_by = 'x'",
        "service_stopped = true",
    ],
)
async def test_the_database_holds_the_rules_too(hq: LedgerUnderTest, change: str) -> None:
    async with hq.database.engine.connect() as connection:
        with pytest.raises(IntegrityError, match="cluster_service_"):
            await connection.execute(text(f"UPDATE cluster SET {change}"))
