"""Several instances of the ledger over one database: what they answer together is what one alone would."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import event
from sqlalchemy.util import await_only

from services.ledger.actions.install_license_file import install_license_file
from services.ledger.app import create_app
from services.ledger.domain.transitions import Limits
from services.ledger.settings import LedgerSettings
from shared.contracts.events.ledger import ClusterChanged, GrantsChanged, PoolChanged
from shared.kit.clock import TestClock
from shared.kit.metrics import Metrics
from tests.house import RememberingBus, eventually, running
from tests.service.ledger.conftest import MAC, LedgerUnderTest, file_id, installed

A, B = "001500000001", "001500000002"


@pytest.fixture
async def second(ledger: LedgerUnderTest, database_url: str, bus: RememberingBus, clock: TestClock) -> AsyncIterator[LedgerUnderTest]:
    """Another instance beside ``ledger``, on the same database and the same bus."""
    app = create_app(LedgerSettings(database_url=database_url), bus, clock, Metrics())
    async with running(app) as http:
        yield LedgerUnderTest(http, bus, app)


async def test_forty_devices_at_once_through_two_instances_cannot_overdraw_the_pool(
    ledger: LedgerUnderTest, second: LedgerUnderTest
) -> None:
    await ledger.install(1, ("PHONE_UNIT", 10, 5))
    answers = await asyncio.gather(*((ledger, second)[n % 2].put(f"SEP{n:012X}") for n in range(40)))
    assert sorted(a.status_code for a in answers) == [201] * 15 + [409] * 25
    assert await second.pool() == (10, 5, 15, "exhausted")
    await ledger.assert_sums()

    async def told() -> bool:
        return any(fact.used == 15 for fact in ledger.bus.heard(PoolChanged))

    await eventually(told, "the last batch is told of")
    versions = [fact.version for fact in ledger.bus.heard(PoolChanged) if fact.feature == "PHONE_UNIT"]
    assert sorted(versions) == list(range(1, len(versions) + 1))  # the starter, the file, and each batch: none is told twice


async def test_a_file_that_two_instances_hear_of_grants_once(ledger: LedgerUnderTest, second: LedgerUnderTest) -> None:
    await asyncio.gather(*(ledger.bus.say(installed(n % 2, ("PHONE_UNIT", 10, 5), ("CCM_NODE", 1, 0))) for n in range(6)))
    assert await second.pool() == (20, 10, 0, "within")
    answers = await ledger.bus.hear(GrantsChanged, count=2)
    assert sorted((a.license_file_id, a.granted) for a in answers) == [(file_id(0), True), (file_id(1), True)]


async def test_a_rehost_into_one_cluster_and_its_ancestor_into_another_at_once_grant_once(
    ledger: LedgerUnderTest, second: LedgerUnderTest
) -> None:
    """Whoever reads first that nobody knows the ancestor must not write so after the other has."""
    for n in range(8):
        await ledger.put_cluster(f"old{n}", starter=False)
        await ledger.put_cluster(f"new{n}", starter=False)
    facts = []
    for n in range(8):
        facts.append(ledger.install(2 * n, ("PHONE_UNIT", 10, 5), cluster=f"old{n}"))
        facts.append(ledger.install(2 * n + 1, ("PHONE_UNIT", 10, 5), cluster=f"new{n}", replaces=[file_id(2 * n)]))
    await asyncio.gather(*facts)
    for n in range(8):
        assert await second.pool(cluster=f"new{n}") == (10, 5, 0, "within")
        assert await second.pool(cluster=f"old{n}") == (0, 0, 0, "within")
    await ledger.assert_sums()
    assert await ledger.rows("SELECT * FROM dead_letter") == []


async def test_a_state_of_an_ancestor_waits_for_the_rehost_that_is_under_way(ledger: LedgerUnderTest) -> None:
    """Both are the first that is heard of the ancestor: what is written last must not undo that it is superseded."""
    await ledger.put_cluster("new", starter=False)
    await ledger.put_cluster("old", starter=False)

    async def waits() -> bool:
        asked = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return bool(await ledger.rows(asked))

    async with ledger.database.transaction() as tx:
        await install_license_file(tx, Limits(), installed(2, ("PHONE_UNIT", 10, 5), cluster="new", replaces=[file_id(1)]))
        late = asyncio.create_task(ledger.change_file(1, 2, "host_mismatch", granting=True, cluster="old"))
        await eventually(waits, "the change of state waits")
    await late
    await ledger.install(1, ("PHONE_UNIT", 10, 5), cluster="old")
    assert await ledger.pool(cluster="new") == (10, 5, 0, "within")
    assert await ledger.pool(cluster="old") == (0, 0, 0, "within")


async def test_one_new_cluster_and_one_first_node_through_two_instances_get_one_starter(
    ledger: LedgerUnderTest, second: LedgerUnderTest
) -> None:
    both = (ledger, second)
    made = await asyncio.gather(*(both[n % 2].put_cluster(f"c{n // 2}") for n in range(8)))
    assert sorted(a.status_code for a in made) == [200] * 4 + [201] * 4
    nodes = await asyncio.gather(*(both[n % 2].put_node("cm1", A, f"c{n // 2}") for n in range(8)))
    assert sorted({a.status_code for a in nodes}) == [200, 201, 409]
    assert [a.status_code for a in nodes].count(201) == 1
    assert len(await ledger.rows("SELECT * FROM starter_use")) == 1


async def test_first_nodes_through_two_instances_are_one(ledger: LedgerUnderTest, second: LedgerUnderTest) -> None:
    await ledger.put_cluster("bare", starter=False)
    answers = await asyncio.gather(*((ledger, second)[n % 2].put_node(f"n{n}", f"00150000000{n}", "bare", first=True) for n in range(6)))
    assert sorted(a.status_code for a in answers) == [201] + [409] * 5
    assert await second.pool("CCM_NODE", "bare") == (0, 0, 1, "beyond_allowance")


async def test_a_migration_and_check_outs_at_once_leave_a_frozen_cluster_or_a_device(
    ledger: LedgerUnderTest, second: LedgerUnderTest
) -> None:
    asked = {"from_version": "4.2", "to_version": "5.0", "nodes": 1, "devices": [{"device_type": "phone-5", "count": 1}]}
    for round_ in range(6):
        cluster = f"m{round_}"
        await ledger.put_cluster(cluster)
        puts = asyncio.gather(*(ledger.put(f"d{n}", "phone-5", cluster) for n in range(3)))
        file = ledger.install(round_, ("CCM_NODE", 2, 0), cluster=cluster)
        migration, answers, _ = await asyncio.gather(second.http.post(f"/v1/clusters/{cluster}/migration", json=asked), puts, file)
        admitted = [answer.status_code for answer in answers].count(201)
        assert (migration.status_code, admitted) in {(201, 1), (409, 3)}
    await ledger.assert_sums()
    assert await ledger.rows("SELECT * FROM dead_letter") == []


async def test_many_at_once_through_two_instances_keep_the_sums_and_nobody_waits_in_a_circle(
    ledger: LedgerUnderTest, second: LedgerUnderTest
) -> None:
    await ledger.put_cluster("branch")
    await ledger.install(1, ("PHONE_UNIT", 60, 10), ("CCM_NODE", 3, 0), mac=MAC)
    work = []
    for n in range(16):
        at, where = (ledger, second)[n % 2], ("hq", "branch")[n // 2 % 2]
        work += [
            at.put(f"d{n % 5}", "phone-4", where),
            at.put(f"soft{n % 3}", "soft", where, adjunct_of=f"d{n % 5}"),
            at.delete(f"d{(n + 2) % 5}", where),
            at.put_node(f"n{n % 3}", (A, B)[n % 2], where, first=True if n % 4 == 0 else None),
            at.http.delete(f"/v1/clusters/{where}/nodes/n{(n + 1) % 3}"),
        ]
    files = [
        ledger.install(10 + n, ("PHONE_UNIT", n, n), cluster=("hq", "branch")[n % 2], replaces=[file_id(9 + n)], mac=(A, B)[n % 2])
        for n in range(6)
    ]
    answers, _ = await asyncio.gather(asyncio.gather(*work), asyncio.gather(*files))
    assert {a.status_code for a in answers} <= {200, 201, 204, 409}
    await ledger.assert_sums()
    assert await ledger.rows("SELECT * FROM dead_letter") == []
    await ledger.assert_journal()
    told = [(c.cluster, c.version) for c in ledger.bus.heard(ClusterChanged)]
    assert len(told) == len(set(told))


async def test_no_acknowledged_change_is_lost_or_doubled_through_two_instances(ledger: LedgerUnderTest, second: LedgerUnderTest) -> None:
    """Every caller's devices are its own: what it was told last is what the ledger holds, and its journal says nothing else."""
    await ledger.install(1, ("PHONE_UNIT", 400, 20))

    async def caller(number: int) -> dict[str, int]:
        held: dict[str, int] = {}
        for step in range(10):
            at, device = (ledger, second)[(number + step) % 2], f"d{number}-{step % 3}"
            if (number + step) % 4 == 3:
                assert (await at.delete(device)).status_code == 204
                held.pop(device, None)
            else:
                answer = await at.put(device, ("phone-4", "phone-5", "phone-1")[(number * 7 + step) % 3])
                if answer.status_code != 409:
                    held[device] = answer.json()["units"]
        return held

    told: dict[str, int] = {}
    for held in await asyncio.gather(*(caller(number) for number in range(40))):
        told |= held
    assert sorted(await ledger.rows("SELECT device, units FROM device")) == sorted(told.items())
    assert (await second.pool())[2] == sum(told.values())
    await ledger.assert_journal()


@pytest.mark.parametrize("path", ["/v1/clusters/hq", "/v1/clusters", "/v1/clusters/hq/nodes", "/v1/clusters/hq/unit-report"])
async def test_what_is_read_of_a_cluster_is_of_one_moment(ledger: LedgerUnderTest, second: LedgerUnderTest, path: str) -> None:
    """A node that leaves through the other instance while this one reads is there with its role, or gone with it."""
    await ledger.put_node("cm1", A)
    engine = ledger.database.engine.sync_engine
    left: list[int] = []

    def leave(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "FROM ledger.node" in statement and not left:
            left.append(1)
            left.append(await_only(second.http.delete("/v1/clusters/hq/nodes/cm1")).status_code)

    event.listen(engine, "before_cursor_execute", leave)
    try:
        body = (await ledger.http.get(path)).json()
    finally:
        event.remove(engine, "before_cursor_execute", leave)
    assert left == [1, 204]
    if path.endswith("/nodes"):
        assert [(n["node"], n["license_manager"]) for n in body["items"]] == [("cm1", True)]
    elif path.endswith("/unit-report"):
        assert (body["license_manager"]["node"], body["features"][0]["used"]) == ("cm1", 1)
    else:
        cluster = body["items"][0] if "items" in body else body
        assert (cluster["version"], cluster["license_manager"], [n["node"] for n in cluster["nodes"]]) == (2, "cm1", ["cm1"])
