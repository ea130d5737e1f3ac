"""License files by event: a line grants once, in whatever order facts arrive and however often."""

import itertools

import pytest

from shared.contracts.base import Envelope
from shared.contracts.events.ledger import GrantsChanged, OverdraftEntered, PoolChanged
from shared.contracts.events.licensefile import FileState, LicenseFileInstalled, LicenseFileStateChanged
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


def life_of_a_file_and_another() -> list[LicenseFileInstalled | LicenseFileStateChanged]:
    """Installed, mismatched, taken back, and another installed: four facts that may overtake each other."""

    def state(version: int, name: FileState, granting: bool) -> LicenseFileStateChanged:
        at, whose = INSTALLED_AT, file_id(1)
        return LicenseFileStateChanged(
            cluster="hq", license_file_id=whose, version=version, state=name, granting=granting, reason="", changed_at=at
        )

    first, second = installed(1, ("PHONE_UNIT", 10, 5)), installed(2, ("PHONE_UNIT", 7, 0))
    return [first, state(2, "host_mismatch", True), state(3, "grace_exceeded", False), second]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
async def test_in_whatever_order_install_and_states_arrive_the_end_is_the_same(ledger: LedgerUnderTest, order: tuple[int, ...]) -> None:
    facts = life_of_a_file_and_another()
    for index in order:
        await ledger.bus.say(facts[index])
    assert await ledger.pool() == (7, 0, 0, "within")
    rows = await ledger.rows("SELECT version, state, granting FROM license_file ORDER BY license_file_id")
    assert rows == [(3, "grace_exceeded", False), (1, "installed", True)]
    await ledger.assert_sums()


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_in_whatever_order_a_chain_of_rehosts_arrives_only_its_end_grants(ledger: LedgerUnderTest, order: tuple[int, ...]) -> None:
    chain = [
        installed(1, ("PHONE_UNIT", 10, 1)),
        installed(2, ("PHONE_UNIT", 10, 2), replaces=[file_id(1)]),
        installed(3, ("PHONE_UNIT", 10, 3), replaces=[file_id(2), file_id(1)]),
    ]
    for index in order:
        await ledger.bus.say(chain[index])
    assert await ledger.pool() == (10, 3, 0, "within")
    await ledger.assert_sums()
