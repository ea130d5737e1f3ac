"""Facts arrive in any order and more than once; what stands in the end is the same."""

import asyncio
from itertools import permutations
from typing import Any, NamedTuple

import pytest

from shared.contracts.base import Event
from shared.contracts.events import faults, ledger
from shared.contracts.events.alarms import AlarmCleared, AlarmRaised
from shared.kit.transaction import envelope_of
from tests.house import logged
from tests.service.alarms.facts import AT, Alarms, at, beat, changed, file_installed, file_refused, pool, refused, switched


class History(NamedTuple):
    """Facts of one alarm in their true order, and what its reason says at the end, or None where nothing stands."""

    alarm: str
    facts: list[Event]
    stands: str | None


ENTERED, LEFT = ledger.OverdraftEntered, ledger.OverdraftLeft
NEAR, FAR = ledger.LimitApproached, ledger.LimitReceded
STARTED = ledger.LicenseManagerStarted
HISTORIES = {
    "overdraft, over": History("OverDraft", [ENTERED(**pool(2, 101)), changed(3, 102), LEFT(**pool(4, 100))], None),
    "overdraft again": History(
        "OverDraft", [ENTERED(**pool(2, 101)), LEFT(**pool(4, 100)), ENTERED(**pool(6, 103)), changed(6, 103)], "103 used"
    ),
    "overdraft, more": History("OverDraft", [ENTERED(**pool(2, 101)), changed(2, 101), changed(3, 103), changed(4, 102)], "102 used"),
    "limit, twice, over": History(
        "ApproachingLimit", [NEAR(**pool(2, 98)), FAR(**pool(4, 90)), NEAR(**pool(6, 99)), FAR(**pool(8, 9))], None
    ),
    "limit again": History("ApproachingLimit", [NEAR(**pool(2, 98)), FAR(**pool(4, 90)), NEAR(**pool(6, 99))], "99 used"),
    "file accepted": History("FileError", [file_refused(1), file_refused(2), file_installed(3)], None),
    "file refused again": History("FileError", [file_refused(1), file_installed(3), file_refused(4, "b.lic")], "'b.lic'"),
    "license manager started": History("ManagerDown", [switched(1), switched(2, STARTED), switched(3), switched(4, STARTED)], None),
    "license manager stopped again": History(
        "ManagerDown", [switched(1), switched(2, STARTED), switched(3)], "stopped on node cm1 by admin-3 at 2026-03-14T09:00:03Z"
    ),
    "license manager restarted": History("ManagerDown", [switched(1, STARTED), switched(2, STARTED)], None),
    "room": History("RequestFailed", [refused(2, 103, 3), changed(3, 102)], None),
    "room in the batch of the refusal": History("RequestFailed", [refused(2, 103, 3), changed(2, 102)], None),
    "room, and full again": History("RequestFailed", [refused(2, 103, 3), changed(3, 102), changed(4, 105), changed(5, 104)], None),
    "room for one, then a larger refused": History(
        "RequestFailed", [refused(2, 103, 3), changed(3, 102), refused(3, 102, 9), changed(4, 100)], "the smallest for 9 units"
    ),
    "no room": History("RequestFailed", [changed(1, 50), refused(2, 103, 6), changed(3, 104), refused(3, 104, 3)], "smallest for 3 units"),
}


@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
async def test_what_stands_in_the_end_does_not_depend_on_the_order_of_arrival(alarms: Alarms, history: History) -> None:
    for number, order in enumerate(permutations(history.facts)):
        cluster = f"cluster-{number}"
        for fact in order:
            await alarms.bus.say(fact.model_copy(update={"cluster": cluster}))
        found = await alarms.listed(history.alarm, cluster=cluster)
        standing = [alarm["reason"] for alarm in found if alarm["state"] == "active"]
        came = [type(fact).__name__ for fact in order]
        assert len(standing) == (history.stands is not None), came
        assert all(history.stands in reason for reason in standing), (came, standing)


async def test_a_data_store_failure_leaves_its_row_also_when_it_is_told_after_its_recovery(alarms: Alarms) -> None:
    rows = 0
    for number, order in enumerate(permutations([(10, None), (20, 10), (30, None), (40, 30)])):
        for seconds, failed in order:
            await alarms.bus.say(_store_fact(1000 * number, seconds, failed))
        alarm, *_ = found = await alarms.listed("DataStoreError")
        assert all(one["state"] == "cleared" for one in found), order
        assert await alarms.active("DataStoreError", "error") == 0, order
        late = [fact for fact in order if fact[1] is None and order.index(fact) > order.index((40, 30))]
        assert len(found) - rows >= max(1, len(late)), (order, "every failure told too late is history of its own")
        assert alarm["cleared_at"] >= alarm["raised_at"]
        rows = len(found)
    raised, cleared = await alarms.bus.hear(AlarmRaised, rows), await alarms.bus.hear(AlarmCleared, rows)
    assert [fact.alarm_id for fact in raised] != []
    assert {fact.alarm_id for fact in raised} == {fact.alarm_id for fact in cleared}


def _store_fact(offset: int, seconds: int, failed: int | None) -> Event:
    if failed is None:
        fault: dict[str, Any] = {"operation": "GET /v1/x", "correlation_id": "c0ffee", "error": "OSError"}
        return faults.LedgerDataStoreFailed(service="ledger", at=at(offset + seconds), **fault)
    return faults.LedgerDataStoreRecovered(service="ledger", at=at(offset + seconds), failed_at=at(offset + failed))


async def test_the_same_event_twice_counts_once(alarms: Alarms) -> None:
    facts: list[Event] = [
        *(ENTERED(**pool(2, 101)), NEAR(**pool(2, 98)), refused(2, 103, 3), file_refused(1)),
        _store_fact(0, 10, None),
        beat(AT),
    ]
    envelopes = [envelope_of(fact, "somebody", AT) for fact in facts]
    for envelope in (*envelopes, *envelopes):
        await alarms.bus.publish(envelope)
    for name in ("OverDraft", "ApproachingLimit", "RequestFailed", "FileError", "DataStoreError"):
        assert await alarms.states(name) == [("active", 1)], name
    assert len(await alarms.bus.hear(AlarmRaised, 5)) == 5


async def test_a_repeated_raising_is_counted_and_does_not_make_a_second_alarm(alarms: Alarms) -> None:
    for seconds in (5, 9, 7):
        await alarms.bus.say(file_refused(seconds, f"{seconds}.lic"))
    alarm = await alarms.only("FileError")
    assert (alarm["count"], alarm["raised_at"], alarm["last_seen_at"]) == (3, "2026-03-14T09:00:05Z", "2026-03-14T09:00:09Z")
    assert "'9.lic'" in alarm["reason"]
    assert len(await alarms.bus.hear(AlarmRaised)) == 1


async def test_refusals_and_room_told_at_the_same_moment_end_with_nothing_standing(alarms: Alarms) -> None:
    refusals = [refused(2, 103, asked) for asked in range(3, 23)]
    room: list[Event] = [changed(version, 102) for version in range(3, 13)]
    await asyncio.gather(*(alarms.bus.say(fact) for pair in zip(refusals, [*room, *room], strict=True) for fact in pair))
    assert {state for state, _ in await alarms.states("RequestFailed")} <= {"cleared"}


async def test_the_event_log_has_a_line_for_the_raising_and_one_for_the_clearing(alarms: Alarms) -> None:
    with logged() as lines:
        for fact in (ENTERED(**pool(2, 101)), ENTERED(**pool(3, 102)), LEFT(**pool(4, 100)), file_refused(1)):
            await alarms.bus.say(fact)
    said = [(line["event"], line["level"], line["alarm"]) for line in lines if "alarm" in line]
    assert said == [
        ("alarm-raised", "critical", "CiscoLicenseOverDraft"),
        ("alarm-cleared", "info", "CiscoLicenseOverDraft"),
        ("alarm-raised", "error", "CiscoLicenseFileError"),
    ]
