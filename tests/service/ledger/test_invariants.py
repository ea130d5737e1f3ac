"""Whatever happens, in whatever order: what the pools say is what the holdings and the grants come to."""

import asyncio
from collections.abc import Sequence

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.contracts.events.licensefile import FileState
from tests.service.ledger.conftest import MAC, LedgerUnderTest, catalogue, file_id

DEVICES = ("a", "b", "c", "d")
TYPES = ("phone-1", "phone-4", "phone-5", "soft", "cti-port")
CLASSES = ("ordinary", "emergency", "attendant")
Step = tuple[object, ...]

POLICIES: tuple[dict[str, object], ...] = (
    {},
    {"allowance_percent": 0},
    {"steps": [{"stage": "major", "after_days": 0, "allowance_units": 1}], "stop_after_days": 1},
    {"steps": [], "approach_percent": 50, "recede_percent": 30},
)

put = st.tuples(st.just("put"), st.sampled_from(DEVICES), st.sampled_from(TYPES), st.none() | st.sampled_from(DEVICES))
many = st.lists(st.tuples(st.sampled_from(DEVICES), st.sampled_from(TYPES), st.none() | st.sampled_from(DEVICES)), max_size=6)
several = st.tuples(st.just("several"), many, st.booleans())
exempt = st.tuples(st.just("class"), st.sampled_from(DEVICES), st.sampled_from(TYPES), st.sampled_from(CLASSES))
policy = st.tuples(st.just("policy"), st.integers(0, len(POLICIES) - 1))
several_back = st.tuples(st.just("several_back"), st.lists(st.sampled_from(DEVICES), max_size=4), st.booleans())
delete = st.tuples(st.just("delete"), st.sampled_from(DEVICES))
node = st.tuples(st.just("node"), st.integers(0, 3), st.none() | st.just(True))
no_node = st.tuples(st.just("no_node"), st.integers(0, 3))
rate = st.tuples(st.just("rate"), st.integers(1, 9))
replaced = st.lists(st.integers(0, 4), max_size=2, unique=True)
install = st.tuples(st.just("install"), st.integers(0, 4), st.integers(0, 12), st.integers(0, 3), replaced)
change = st.tuples(st.just("change"), st.integers(0, 4), st.integers(2, 5), st.booleans())
service = st.tuples(st.just("service"), st.sampled_from(("stop", "start", "start", "restart")), st.integers(0, 3))
every = (put, put, put, exempt, several, several_back, delete, node, no_node, rate, install, change, policy, service)
steps = st.lists(st.one_of(*every), min_size=5, max_size=25)


async def is_stopped(ledger: LedgerUnderTest, cluster: str) -> tuple[bool, int]:
    """Whether the license manager is, and the units used."""
    sql = "SELECT service_stopped, used FROM cluster JOIN pool USING (cluster) WHERE feature = 'PHONE_UNIT'"
    ((stopped, used),) = await ledger.rows(f"{sql} AND cluster = '{cluster}'")
    assert isinstance(used, int)
    return bool(stopped), used


async def fits(ledger: LedgerUnderTest, cluster: str, answer: httpx.Response, *statuses: int) -> bool:
    """503 where, and only where, the license manager is stopped."""
    return answer.status_code in statuses or (answer.status_code == 503 and (await is_stopped(ledger, cluster))[0])


async def take(ledger: LedgerUnderTest, cluster: str, serial: int, at: int, step: Step) -> None:
    """One step in a cluster of its own; file numbers and addresses are those of this example."""
    match step:
        case ("put", str(device), str(device_type), primary):
            answer = await ledger.put(device, device_type, cluster, **({} if primary is None else {"adjunct_of": primary}))
            assert await fits(ledger, cluster, answer, 200, 201, 409, 422)
        case ("class", str(device), str(device_type), str(device_class)):
            answer = await ledger.put(device, device_type, cluster, device_class=device_class)
            assert await fits(ledger, cluster, answer, 200, 201, 409, 422)
        case ("policy", int(number)):
            assert await fits(ledger, cluster, await ledger.put_cluster(cluster, overdraft_policy=POLICIES[number]), 200)
        case ("several", list(wanted), bool(atomic)):
            devices = [{"device": name, "device_type": kind, "adjunct_of": primary} for name, kind, primary in wanted]
            answer = await ledger.http.post(f"/v1/clusters/{cluster}/check-outs", json={"devices": devices, "atomic": atomic})
            assert await fits(ledger, cluster, answer, 200, *([409] if atomic else []))
        case ("several_back", list(names), bool(atomic)):
            answer = await ledger.http.post(f"/v1/clusters/{cluster}/check-ins", json={"devices": names, "atomic": atomic})
            assert await fits(ledger, cluster, answer, 200, *([409] if atomic else []))
        case ("delete", str(device)):
            assert await fits(ledger, cluster, await ledger.delete(device, cluster), 204, 409)
        case ("node", int(number), first):
            mac = f"0016{serial:04X}{number:04X}"
            assert await fits(ledger, cluster, await ledger.put_node(f"n{number}", mac, cluster, first=first), 200, 201, 409)
        case ("no_node", int(number)):
            assert await fits(ledger, cluster, await ledger.http.delete(f"/v1/clusters/{cluster}/nodes/n{number}"), 204)
        case ("service", str(what), int(number)):
            answer = await ledger.http.post(f"/v1/clusters/{cluster}/nodes/n{number}/services/license-manager/{what}")
            assert answer.status_code in {200, 404, 409}
        case ("rate", int(units)):
            await ledger.bus.say(catalogue(serial * 1000 + at + 2, phone_4=units))
        case ("install", int(number), int(units), int(overdraft), list(old)):
            lines = (("PHONE_UNIT", units, overdraft), ("CCM_NODE", units % 4, 0))
            replaces = [file_id(serial * 10 + n) for n in old if n != number]
            await ledger.install(serial * 10 + number, *lines, cluster=cluster, replaces=replaces)
        case ("change", int(number), int(version), bool(granting)):
            state: FileState = "host_mismatch" if granting else "expired"
            await ledger.change_file(serial * 10 + number, version, state, granting=granting, cluster=cluster)
        case _:
            raise AssertionError(step)


async def test_after_any_sequence_used_is_the_sum_of_holdings_and_authorized_that_of_granting_lines(ledger: LedgerUnderTest) -> None:
    loop = asyncio.get_running_loop()
    serial = 0

    async def play(sequence: Sequence[Step]) -> None:
        nonlocal serial
        serial += 1
        cluster = f"example-{serial}"
        await ledger.bus.say(catalogue(serial * 1000))
        await ledger.put_cluster(cluster, starter=bool(serial % 2))
        for at, step in enumerate(sequence):
            stopped, used = await is_stopped(ledger, cluster)
            await take(ledger, cluster, serial, at, step)
            assert not stopped or (await is_stopped(ledger, cluster))[1] == used, step
        await ledger.assert_sums()
        await ledger.assert_journal()

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(sequence=steps)
    def examples(sequence: list[Step]) -> None:
        asyncio.run_coroutine_threadsafe(play(sequence), loop).result()

    await asyncio.to_thread(examples)
    assert serial >= 40
    assert await ledger.rows("SELECT * FROM dead_letter") == []


@pytest.mark.parametrize("seed", range(3))
async def test_many_at_once_keep_the_sums_and_nobody_waits_in_a_circle(ledger: LedgerUnderTest, seed: int) -> None:
    await ledger.put_cluster("branch")
    await ledger.install(1, ("PHONE_UNIT", 60, 10), ("CCM_NODE", 3, 0), mac=MAC)
    work = []
    for n in range(12):
        where = "hq" if (n + seed) % 2 else "branch"
        work += [
            ledger.put(f"d{n % 5}", TYPES[(n + seed) % 3], where),
            ledger.put(f"soft{n % 3}", "soft", where, adjunct_of=f"d{n % 5}"),
            ledger.delete(f"d{(n + seed) % 5}", where),
            ledger.put_node(f"n{n % 3}", f"0015000{seed}00{n % 4:02}", where),
            ledger.http.delete(f"/v1/clusters/{where}/nodes/n{(n + 1) % 3}"),
            ledger.put_cluster(where, product_version=f"5.{n % 3}"),
        ]
    files = [ledger.install(10 + n, ("PHONE_UNIT", n, n), cluster="hq" if n % 2 else "branch", replaces=[file_id(9 + n)]) for n in range(6)]
    answers, _ = await asyncio.gather(asyncio.gather(*work), asyncio.gather(*files))
    assert {a.status_code for a in answers} <= {200, 201, 204, 409}
    await ledger.assert_sums()
    await ledger.assert_journal()
