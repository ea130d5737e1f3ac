"""License files by event: a line grants once, in whatever order facts arrive and however often."""

import itertools
from collections.abc import Awaitable, Callable
from functools import partial

from shared.contracts.base import Envelope
from shared.contracts.events.ledger import GrantsChanged, OverdraftEntered, PoolChanged
from shared.contracts.events.licensefile import LicenseFileInstalled, LicenseFileStateChanged
from shared.kit.clock import SystemClock
from shared.kit.transaction import envelope_of
from tests.service.ledger.conftest import INSTALLED_AT, LedgerUnderTest, file_id, installed


def envelope(event: LicenseFileInstalled | LicenseFileStateChanged) -> Envelope:
    return envelope_of(event, "licensefile", SystemClock().now())


async def granted(ledger: LedgerUnderTest, number: int, count: int = 1) -> list[tuple[int, bool]]:
    """What was answered about a file: (version, granted)."""
    answers = await ledger.bus.hear(GrantsChanged, count)
    return [(a.version, a.granted) for a in answers if a.license_file_id == file_id(number)]


async def test_an_event_delivered_twice_counts_once(ledger: LedgerUnderTest) -> None:
    once = envelope(installed(1, ("PHONE_UNIT", 10, 5)))
    await ledger.bus.publish(once)
    await ledger.bus.publish(once)
    assert await ledger.pool() == (10, 5, 0, "within")
    assert len(await ledger.bus.hear(PoolChanged, count=3)) == 3
    assert await granted(ledger, 1) == [(1, True)]


async def test_a_line_grants_once_also_when_its_file_is_told_of_in_two_events(ledger: LedgerUnderTest) -> None:
    await ledger.install(1, ("PHONE_UNIT", 10, 5))
    await ledger.install(1, ("PHONE_UNIT", 10, 5))
    assert await ledger.pool() == (10, 5, 0, "within")


async def test_files_add_up_and_so_do_their_overdrafts(ledger: LedgerUnderTest) -> None:
    await ledger.install(1, ("PHONE_UNIT", 10, 5), ("PHONE_UNIT", 7, 0), ("CCM_NODE", 2, 0))
    await ledger.install(2, ("PHONE_UNIT", 100, 1))
    assert await ledger.pool() == (117, 6, 0, "within")
    assert await ledger.pool("CCM_NODE") == (2, 0, 0, "within")
    assert (await ledger.http.get("/v1/clusters/hq")).json()["license_file_ids"] == [file_id(1), file_id(2)]


async def test_each_feature_of_the_starter_ends_with_the_first_file_that_has_it_and_never_returns(ledger: LedgerUnderTest) -> None:
    for n in range(10):
        await ledger.put(f"d{n}", "phone-5")
    await ledger.install(1, ("CCM_NODE", 3, 0))
    assert await ledger.pool() == (50, 0, 50, "within")
    assert await ledger.pool("CCM_NODE") == (3, 0, 0, "within")
    await ledger.install(2, ("PHONE_UNIT", 20, 0))  # less than what is out
    assert await ledger.pool() == (20, 0, 50, "beyond_allowance")
    (entered,) = await ledger.bus.hear(OverdraftEntered)
    assert (entered.authorized, entered.used) == (20, 50)
    assert (await ledger.http.get("/v1/clusters/hq")).json()["starter"] is False
    await ledger.change_file(1, 2, "retired", granting=False)
    await ledger.change_file(2, 2, "expired", granting=False)
    assert await ledger.pool() == (0, 0, 50, "beyond_allowance")
    assert await ledger.pool("CCM_NODE") == (0, 0, 0, "within")
    assert (await ledger.put("d0", "phone-5")).status_code == 200  # a device that holds its units is never cut off
    await ledger.assert_sums()


async def test_units_are_taken_back_once_when_a_file_grants_no_longer(ledger: LedgerUnderTest) -> None:
    await ledger.install(1, ("PHONE_UNIT", 10, 5))
    await ledger.install(2, ("PHONE_UNIT", 3, 1))
    back = await ledger.change_file(1, 2, "retired", granting=False)
    await ledger.bus.say(back)
    assert await ledger.pool() == (3, 1, 0, "within")
    assert await granted(ledger, 1, 3) == [(1, True), (2, False)]


async def test_a_host_mismatch_keeps_the_grants_until_its_grace_ends(ledger: LedgerUnderTest) -> None:
    await ledger.install(1, ("PHONE_UNIT", 10, 5))
    await ledger.put("a", "phone-5")
    mismatch = LicenseFileStateChanged(
        cluster="hq",
        license_file_id=file_id(1),
        version=2,
        state="host_mismatch",
        granting=True,
        reason="its node was removed",
        grace_ends_at=INSTALLED_AT,
        changed_at=INSTALLED_AT,
    )
    await ledger.bus.say(mismatch)
    assert await ledger.pool() == (10, 5, 5, "within")
    files = (await ledger.report())["license_files"]
    assert isinstance(files, list)
    (told,) = [f for f in files if f["license_file_id"] == file_id(1)]
    assert (told["state"], told["granted"], told["grace_ends_at"] is not None) == ("host_mismatch", True, True)
    await ledger.change_file(1, 3, "grace_exceeded", granting=False)
    assert await ledger.pool() == (0, 0, 5, "beyond_allowance")
    assert await granted(ledger, 1, 3) == [(1, True), (2, True), (3, False)]


async def test_a_revoked_key_flags_or_takes_and_a_lifted_revocation_gives_back_once(ledger: LedgerUnderTest) -> None:
    await ledger.install(1, ("PHONE_UNIT", 10, 5))
    await ledger.put("a", "phone-5")
    await ledger.change_file(1, 2, "key_revoked", granting=True)
    assert await ledger.pool() == (10, 5, 5, "within")
    await ledger.change_file(1, 3, "key_revoked", granting=False)
    assert await ledger.pool() == (0, 0, 5, "beyond_allowance")
    files = (await ledger.report())["license_files"]
    assert isinstance(files, list)
    assert [(f["state"], f["granted"]) for f in files if f["license_file_id"] == file_id(1)] == [("key_revoked", False)]
    lifted = await ledger.change_file(1, 4, "installed", granting=True)
    await ledger.bus.say(lifted)
    assert await ledger.pool() == (10, 5, 5, "within")
    assert await granted(ledger, 1, 4) == [(1, True), (2, True), (3, False), (4, True)]
    await ledger.assert_sums()
    await ledger.assert_journal()


async def test_a_rehost_takes_and_grants_in_one_change(ledger: LedgerUnderTest) -> None:
    await ledger.install(1, ("PHONE_UNIT", 10, 5))
    changes = len(await ledger.bus.hear(PoolChanged, count=3))
    await ledger.install(2, ("PHONE_UNIT", 10, 5), replaces=[file_id(1)])
    assert await ledger.pool() == (10, 5, 0, "within")
    assert len(ledger.bus.heard(PoolChanged)) == changes  # nothing changed for anybody who watches the pool
    assert await granted(ledger, 1, 3) == [(1, True), (2, False)]
    assert await granted(ledger, 2, 3) == [(1, True)]
    await ledger.change_file(1, 5, "installed", granting=True)  # what was replaced grants nothing, for ever
    assert await ledger.pool() == (10, 5, 0, "within")
    await ledger.assert_sums()


async def test_a_rehost_voids_its_whole_chain_also_what_is_installed_afterwards(ledger: LedgerUnderTest) -> None:
    await ledger.install(3, ("PHONE_UNIT", 10, 5), replaces=[file_id(2), file_id(1)])
    await ledger.install(1, ("PHONE_UNIT", 10, 5))
    await ledger.install(2, ("PHONE_UNIT", 10, 5), replaces=[file_id(1)])
    assert await ledger.pool() == (10, 5, 0, "within")
    assert await granted(ledger, 1, 3) == [(1, False)]
    assert (await ledger.http.get("/v1/clusters/hq")).json()["license_file_ids"] == [file_id(1), file_id(2), file_id(3)]


async def test_a_rehost_into_another_cluster_takes_the_units_from_the_first(ledger: LedgerUnderTest) -> None:
    await ledger.put_cluster("branch", starter=False)
    await ledger.install(1, ("PHONE_UNIT", 10, 5))
    await ledger.install(2, ("PHONE_UNIT", 10, 5), replaces=[file_id(1)], cluster="branch")
    assert await ledger.pool() == (0, 0, 0, "within")
    assert await ledger.pool(cluster="branch") == (10, 5, 0, "within")
    await ledger.assert_sums()


async def test_an_ancestor_remembered_in_one_cluster_and_installed_late_in_another_grants_nothing(ledger: LedgerUnderTest) -> None:
    await ledger.put_cluster("branch", starter=False)
    await ledger.install(2, ("PHONE_UNIT", 10, 5), replaces=[file_id(1)], cluster="branch")
    await ledger.install(1, ("PHONE_UNIT", 10, 5))
    assert await ledger.pool() == (0, 0, 0, "within")  # accepted, so it ended the starter
    assert await ledger.pool(cluster="branch") == (10, 5, 0, "within")
    assert (await ledger.http.get("/v1/clusters/hq")).json()["license_file_ids"] == [file_id(1)]


async def test_a_file_of_a_cluster_that_is_unknown_grants_nothing_and_poisons_nothing(ledger: LedgerUnderTest) -> None:
    await ledger.install(1, ("PHONE_UNIT", 10, 5), cluster="nowhere")
    await ledger.change_file(1, 2, "retired", granting=False, cluster="nowhere")
    assert await granted(ledger, 1) == [(1, False)]
    assert await ledger.rows("SELECT * FROM dead_letter") == []


async def test_a_file_that_another_cluster_holds_grants_only_there(ledger: LedgerUnderTest) -> None:
    await ledger.put_cluster("branch", starter=False)
    await ledger.install(1, ("PHONE_UNIT", 10, 5))
    await ledger.install(1, ("PHONE_UNIT", 10, 5), cluster="branch")
    assert await ledger.pool() == (10, 5, 0, "within")
    assert await ledger.pool(cluster="branch") == (0, 0, 0, "within")
    assert await granted(ledger, 1) == [(1, True)]


async def test_in_whatever_order_install_and_states_arrive_the_end_is_the_same(ledger: LedgerUnderTest) -> None:
    """Installed, mismatched, taken back, and another installed: four facts that may overtake each other."""
    for serial, order in enumerate(itertools.permutations(range(4)), 1):
        cluster, first, second = f"c{serial}", serial * 10, serial * 10 + 1
        await ledger.put_cluster(cluster)
        facts: list[Callable[[], Awaitable[object]]] = [
            partial(ledger.install, first, ("PHONE_UNIT", 10, 5), cluster=cluster),
            partial(ledger.change_file, first, 2, "host_mismatch", granting=True, cluster=cluster),
            partial(ledger.change_file, first, 3, "grace_exceeded", granting=False, cluster=cluster),
            partial(ledger.install, second, ("PHONE_UNIT", 7, 0), cluster=cluster),
        ]
        for index in order:
            await facts[index]()
        assert await ledger.pool(cluster=cluster) == (7, 0, 0, "within"), order
        asked = f"SELECT version, state, granting FROM license_file WHERE cluster = '{cluster}' ORDER BY license_file_id"
        assert await ledger.rows(asked) == [(3, "grace_exceeded", False), (1, "installed", True)], order
    await ledger.assert_sums()


async def test_in_whatever_order_a_chain_of_rehosts_arrives_only_its_end_grants(ledger: LedgerUnderTest) -> None:
    for serial, order in enumerate(itertools.permutations(range(3)), 1):
        cluster, ids = f"c{serial}", [serial * 10 + n for n in range(3)]
        await ledger.put_cluster(cluster)
        for index in order:
            ancestors = [file_id(number) for number in reversed(ids[:index])]
            await ledger.install(ids[index], ("PHONE_UNIT", 10, index), cluster=cluster, replaces=ancestors)
        assert await ledger.pool(cluster=cluster) == (10, 2, 0, "within"), order
    await ledger.assert_sums()


async def test_a_line_that_stands_twice_in_a_fact_grants_once(ledger: LedgerUnderTest) -> None:
    event = installed(1, ("PHONE_UNIT", 10, 5))
    await ledger.bus.say(event.model_copy(update={"lines": event.lines * 2}))
    assert await ledger.pool() == (10, 5, 0, "within")
