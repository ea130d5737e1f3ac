"""Each of the seven alarms, raised and cleared by facts or by time, on a real database."""

import re
from datetime import timedelta

from shared.contracts.events import ledger, licensefile
from shared.contracts.events.alarms import AlarmCleared, AlarmRaised
from tests.service.alarms.facts import (
    Alarms,
    at,
    beat,
    changed,
    file_installed,
    file_refused,
    internal_error,
    pool,
    refused,
    store_failed,
    store_recovered,
)


async def test_overdraft_stands_while_used_is_above_authorized_and_is_told_to_everybody(alarms: Alarms) -> None:
    await alarms.bus.say(ledger.OverdraftEntered(**pool(2, 103)))
    alarm = await alarms.only("OverDraft")
    assert alarm["reason"] == "headquarters/PHONE_UNIT: 103 used of 100 authorized, 3 units of overdraft, 2 of 5 left"
    assert (alarm["state"], alarm["severity"], alarm["level"]) == ("active", "alert", 1)
    assert (alarm["cluster"], alarm["subject"]) == ("headquarters", "headquarters/PHONE_UNIT")
    assert alarm["recommended_action"].startswith("Order more units or remove unused devices before")
    assert await alarms.active("OverDraft", "alert", "headquarters") == 1
    await alarms.bus.say(ledger.OverdraftLeft(**pool(3, 100)))
    assert await alarms.states("OverDraft") == [("cleared", 1)]
    assert await alarms.active("OverDraft", "alert", "headquarters") == 0
    assert await alarms.metric('license_alarms_raised_total{name="CiscoLicenseOverDraft",severity="alert"}') == 1
    (raised,), (cleared,) = await alarms.bus.hear(AlarmRaised), await alarms.bus.hear(AlarmCleared)
    assert raised.alarm_id == cleared.alarm_id == alarm["alarm_id"]
    assert (raised.subject, raised.version, cleared.version) == ("CiscoLicenseOverDraft/headquarters/PHONE_UNIT", 1, 2)
    assert cleared.cleared_at == at(3)


async def test_a_standing_overdraft_shows_the_numbers_of_the_pool_as_it_is_now_without_counting(alarms: Alarms) -> None:
    await alarms.bus.say(changed(1, 101))
    assert await alarms.listed("OverDraft") == [], "a pool change raises nothing"
    await alarms.bus.say(ledger.OverdraftEntered(**pool(2, 101)))
    for fact in (changed(4, 105), changed(3, 104)):
        await alarms.bus.say(fact)
    alarm = await alarms.only("OverDraft")
    assert (alarm["count"], alarm["reason"].partition(": ")[2][:8]) == (1, "105 used")


async def test_the_stage_of_an_overdraft_stands_beside_a_severity_that_it_never_changes(alarms: Alarms) -> None:
    await alarms.bus.say(ledger.OverdraftEntered(**pool(2, 103, stage="notice")))
    assert (await alarms.only("OverDraft"))["stage"] == "notice"
    climbed = pool(3, 103, stage="minor") | {"since": at(2), "allowance": 2, "stopped": False}
    await alarms.bus.say(ledger.OverdraftStageReached(**climbed))
    await alarms.bus.say(ledger.OverdraftEntered(**pool(2, 103, stage="notice")))  # overtaken
    alarm = await alarms.only("OverDraft")
    assert [alarm[name] for name in ("stage", "severity", "level", "count")] == ["minor", "alert", 1, 3]
    await alarms.bus.say(changed(4, 104, stage="minor"))
    assert [(await alarms.only("OverDraft"))[name] for name in ("stage", "count")] == ["minor", 3]
    await alarms.bus.say(ledger.OverdraftLeft(**pool(5, 100)))
    (cleared,) = await alarms.bus.hear(AlarmCleared)
    assert (cleared.stage, cleared.severity) == ("minor", "alert")


async def test_approaching_limit_is_raised_and_cleared_by_the_ledgers_word(alarms: Alarms) -> None:
    await alarms.bus.say(ledger.LimitApproached(**pool(2, 98)))
    assert "98 used of 100 authorized (98.0 %), 2 units left" in (await alarms.only("ApproachingLimit"))["reason"]
    await alarms.bus.say(ledger.LimitReceded(**pool(3, 90)))
    assert await alarms.states("ApproachingLimit") == [("cleared", 1)]


async def test_request_failed_clears_when_free_reaches_the_smallest_refused_request(alarms: Alarms) -> None:
    for asked in (8, 5, 6):
        await alarms.bus.say(refused(4, 102, asked))
    alarm = await alarms.only("RequestFailed")
    assert (alarm["state"], alarm["count"], alarm["subject"]) == ("active", 3, "headquarters/PHONE_UNIT")
    assert "the smallest for 5 units; 3 free" in alarm["reason"]
    assert "order at least 2 units" in alarm["recommended_action"]
    await alarms.bus.say(changed(5, 101))
    assert (await alarms.only("RequestFailed"))["state"] == "active", "4 free are not enough for 5"
    await alarms.bus.say(changed(6, 100))
    assert await alarms.states("RequestFailed") == [("cleared", 3)]
    await alarms.bus.say(refused(6, 100, 7))
    assert await alarms.states("RequestFailed") == [("active", 1), ("cleared", 3)], "a new raising is a new alarm"


async def test_only_units_exhausted_is_a_failed_request(alarms: Alarms) -> None:
    await alarms.bus.say(refused(4, 102, 8, rule="provisioning-frozen"))
    assert await alarms.listed("RequestFailed") == []


async def test_request_failed_ends_after_24_hours_without_a_refusal(alarms: Alarms) -> None:
    now = alarms.clock.now()
    await alarms.bus.say(refused(4, 105, 5).model_copy(update={"at": now}))
    alarms.clock.advance(timedelta(hours=23))
    await alarms.tick("end_quiet_alarms")
    assert await alarms.states("RequestFailed") == [("active", 1)]
    alarms.clock.advance(timedelta(hours=2))
    await alarms.tick("end_quiet_alarms")
    assert await alarms.states("RequestFailed") == [("cleared", 1)]
    await alarms.bus.say(refused(4, 105, 9).model_copy(update={"at": alarms.clock.now()}))
    assert await alarms.states("RequestFailed") == [("active", 1), ("cleared", 1)], "the pool has not changed since, and refuses again"
    assert "the smallest for 9 units" in (await alarms.listed("RequestFailed"))[0]["reason"]


async def test_file_error_is_about_the_cluster_and_ends_with_the_next_accepted_file(alarms: Alarms) -> None:
    await alarms.bus.say(file_refused(10))
    await alarms.bus.say(file_refused(20, "b.lic"))
    alarm = await alarms.only("FileError")
    assert alarm["reason"] == "headquarters: license file 'b.lic' was refused: signature_invalid (line 1)"
    assert (alarm["subject"], alarm["cluster"], alarm["count"]) == ("headquarters", "headquarters", 2)
    await alarms.bus.say(file_installed(25, cluster="branch"))
    assert await alarms.states("FileError") == [("active", 2)]
    await alarms.bus.say(file_installed(30))
    assert await alarms.states("FileError") == [("cleared", 2)]


async def test_a_file_that_is_here_already_is_refused_without_an_alarm(alarms: Alarms) -> None:
    here = [licensefile.RefusalReason(code="already_installed", line=None, text="…")]
    await alarms.bus.say(file_refused(10).model_copy(update={"reasons": here}))
    assert await alarms.listed("FileError") == []
    both = [*here, licensefile.RefusalReason(code="expired", line=1, text="…")]
    await alarms.bus.say(file_refused(20).model_copy(update={"reasons": both}))
    assert "already_installed, expired (line 1)" in (await alarms.only("FileError"))["reason"]


async def test_data_store_error_is_raised_and_ends_with_the_recovery(alarms: Alarms) -> None:
    await alarms.bus.say(store_failed(10))
    alarm = await alarms.only("DataStoreError")
    assert (alarm["subject"], alarm["cluster"], alarm["state"]) == ("ledger", None, "active")
    assert await alarms.active("DataStoreError", "error") == 1
    await alarms.bus.say(store_recovered(12, failed=10))
    assert await alarms.states("DataStoreError") == [("cleared", 1)]
    assert await alarms.active("DataStoreError", "error") == 0


async def test_internal_error_names_operation_and_correlation_id_and_ends_when_it_stays_away(alarms: Alarms) -> None:
    await alarms.bus.say(internal_error(alarms.clock.now(), "beef"))
    alarms.clock.advance(timedelta(minutes=50))
    await alarms.bus.say(internal_error(alarms.clock.now()))
    alarms.clock.advance(timedelta(minutes=50))
    await alarms.tick("end_quiet_alarms")
    alarm = await alarms.only("InternalError")
    assert (alarm["state"], alarm["count"], alarm["subject"]) == ("active", 2, "licensefile")
    assert alarm["reason"] == "licensefile: KeyError in timer grace, correlation id c0ffee"
    alarms.clock.advance(timedelta(minutes=11))
    await alarms.tick("end_quiet_alarms")
    assert await alarms.states("InternalError") == [("cleared", 2)]


async def test_manager_down_after_three_silent_intervals_and_up_with_the_next_beat(alarms: Alarms) -> None:
    await alarms.bus.say(beat(alarms.clock.now()))
    alarms.clock.advance(timedelta(seconds=14))
    await alarms.tick("watch_ledger")
    assert await alarms.listed("ManagerDown") == []
    alarms.clock.advance(timedelta(seconds=2))
    overtaken = beat(alarms.clock.now() - timedelta(minutes=1))
    for _ in range(2):
        await alarms.tick("watch_ledger")
        await alarms.bus.say(overtaken)
    alarm = await alarms.only("ManagerDown")
    assert (alarm["state"], alarm["count"], alarm["subject"], alarm["cluster"]) == ("active", 1, "ledger", None)
    silent = re.search(r"no sign of life for (\d+) s", alarm["reason"])
    assert silent
    assert int(silent[1]) in range(16, 60)  # the test clock goes on by itself while the test runs
    await alarms.bus.say(beat(alarms.clock.now()))
    assert await alarms.states("ManagerDown") == [("cleared", 1)]
    alarms.clock.advance(timedelta(seconds=16))
    await alarms.tick("watch_ledger")
    assert await alarms.states("ManagerDown") == [("active", 1), ("cleared", 1)]


async def test_manager_down_when_the_ledger_never_gave_a_sign_of_life(alarms: Alarms) -> None:
    alarms.clock.advance(timedelta(seconds=25))
    await alarms.tick("watch_ledger")
    assert await alarms.listed("ManagerDown") == []
    alarms.clock.advance(timedelta(seconds=10))
    await alarms.tick("watch_ledger")
    assert "never heard" in (await alarms.only("ManagerDown"))["reason"]


async def test_cleared_alarms_are_forgotten_after_their_time_and_still_counted(alarms: Alarms) -> None:
    await alarms.bus.say(file_refused(10))
    await alarms.bus.say(file_installed(20))
    await alarms.bus.say(file_refused(30))
    alarms.clock.advance(timedelta(days=4000))
    await alarms.tick("forget_cleared_alarms")
    assert await alarms.states("FileError") == [("active", 1)]
    assert await alarms.metric('license_alarms_raised_total{name="CiscoLicenseFileError",severity="error"}') == 2
