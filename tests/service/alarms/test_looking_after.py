"""What people and time do to an alarm that stands: repeat, escalate, comment, clear by hand; every step with who did it."""

from datetime import timedelta
from typing import Any

from shared.contracts.events import ledger
from shared.contracts.events.alarms import AlarmEscalated, AlarmRepeated
from shared.kit.trace import CALLER_HEADER
from tests.service.alarms.facts import Alarms, changed, file_installed, file_refused, pool, refused
from tests.service.alarms.receivers import Receivers, fails, takes_it

FIRST, SECOND = "https://first.example/", "https://second.example/"


async def _steps(alarms: Alarms, alarm_id: str) -> list[tuple[str, str, str | None]]:
    answer = await alarms.http.get(f"/v1/alarms/{alarm_id}/steps")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return [(item["step"], item["by"], item["text"]) for item in items]


async def test_a_standing_alarm_is_told_again_every_day_and_never_after_its_end(alarms: Alarms, receivers: Receivers) -> None:
    await receivers.add(FIRST)
    await alarms.bus.say(file_refused(1))
    await receivers.become(1, "sent")
    await alarms.tick("repeat_standing_alarms")
    alarms.clock.advance(timedelta(hours=24, seconds=1))
    for _ in range(2):
        await alarms.tick("repeat_standing_alarms")
    await receivers.expect("raised", "repeated", target=FIRST)
    await receivers.become(2, "sent")  # also written down: a claim does not outlive the days that follow
    alarms.clock.advance(timedelta(hours=24, seconds=1))
    await alarms.tick("repeat_standing_alarms")
    await receivers.expect("raised", "repeated", "repeated", target=FIRST)
    await receivers.become(3, "sent")
    await alarms.bus.say(file_installed(2))
    await receivers.become(4, "sent")
    alarms.clock.advance(timedelta(hours=48))
    await alarms.tick("repeat_standing_alarms")
    await receivers.expect("raised", "repeated", "repeated", "cleared", target=FIRST)
    assert len(await alarms.bus.hear(AlarmRepeated, 2)) == 2
    assert [step for step, _, _ in await _steps(alarms, (await alarms.only("FileError"))["alarm_id"])] == ["repeated", "repeated"]


async def test_what_nobody_acknowledges_is_told_to_the_second_list_once_and_its_end_too(alarms: Alarms, receivers: Receivers) -> None:
    await receivers.add(FIRST)
    await receivers.add(SECOND, after_minutes=30, clusters=["ignored", "seen"])
    for cluster in ("ignored", "seen", "elsewhere"):
        await alarms.bus.say(file_refused(1, cluster=cluster).model_copy(update={"refused_at": alarms.clock.now()}))
    listed = {one["cluster"]: one["alarm_id"] for one in await alarms.listed("FileError")}
    await alarms.http.post(f"/v1/alarms/{listed['seen']}/acknowledgement", headers={CALLER_HEADER: "alice"})
    alarms.clock.advance(timedelta(minutes=29))
    await alarms.tick("escalate_alarms")
    assert SECOND not in receivers.got
    alarms.clock.advance(timedelta(minutes=2))
    for _ in range(2):
        await alarms.tick("escalate_alarms")
    (told,) = await receivers.expect("escalated", target=SECOND)
    assert told.cluster == "ignored"
    assert [fact.cluster for fact in await alarms.bus.hear(AlarmEscalated)] == ["ignored"]
    assert await _steps(alarms, listed["ignored"]) == [("escalated", "alarms timer", f"webhook {SECOND}")]
    assert await _steps(alarms, listed["seen"]) == [("acknowledged", "alice", None)]
    over = file_installed(2, cluster="ignored").model_copy(update={"installed_at": alarms.clock.now()})
    await alarms.bus.say(over)
    await receivers.expect("escalated", "cleared", target=SECOND)


async def test_an_escalation_that_reached_nobody_is_made_again_when_its_destination_is_back(alarms: Alarms, receivers: Receivers) -> None:
    second = await receivers.add(SECOND, answer=fails, after_minutes=30)
    await alarms.bus.say(file_refused(1).model_copy(update={"refused_at": alarms.clock.now()}))
    alarms.clock.advance(timedelta(minutes=31))
    await alarms.tick("escalate_alarms")
    await receivers.become(1, "failed")
    body = {"kind": "webhook", "target": SECOND, "after_minutes": 30}
    for enabled in (False, True):
        changed = await alarms.http.put(f"/v1/alarm-destinations/{second}", json={**body, "enabled": enabled})
        assert changed.status_code == 200, changed.text
    receivers.answers[SECOND] = takes_it
    await alarms.tick("escalate_alarms")
    (row,) = await receivers.become(1, "sent")
    assert row["occasion"] == "escalated"


async def test_comments_are_kept_in_their_order_with_who_made_them(alarms: Alarms) -> None:
    await alarms.bus.say(file_refused(1))
    alarm_id = (await alarms.only("FileError"))["alarm_id"]
    for caller, text in (("alice", "asked the vendor"), ("bob", "promised for tomorrow")):
        answer = await alarms.http.post(f"/v1/alarms/{alarm_id}/comments", json={"comment": text}, headers={CALLER_HEADER: caller})
        assert answer.status_code == 204
    await alarms.bus.say(file_installed(2))
    late = await alarms.http.post(f"/v1/alarms/{alarm_id}/comments", json={"comment": "it was a mistyped MAC"})
    assert late.status_code == 204
    assert [(by, text) for _, by, text in await _steps(alarms, alarm_id)][:2] == [
        ("alice", "asked the vendor"),
        ("bob", "promised for tomorrow"),
    ]
    nobody = "00000000-0000-4000-8000-000000000000"
    assert (await alarms.http.post(f"/v1/alarms/{nobody}/comments", json={"comment": "x"})).status_code == 404
    assert (await alarms.http.get(f"/v1/alarms/{nobody}/steps")).status_code == 404


async def test_an_alarm_cleared_by_hand_is_over_everywhere_and_a_later_fact_raises_it_anew(alarms: Alarms, receivers: Receivers) -> None:
    await receivers.add(FIRST)
    await alarms.bus.say(file_refused(1))
    alarm_id = (await alarms.only("FileError"))["alarm_id"]
    door = f"/v1/alarms/{alarm_id}/clearing"
    done = await alarms.http.post(door, json={"reason": "tried with the wrong file"}, headers={CALLER_HEADER: "alice"})
    assert (done.status_code, done.json()["state"]) == (200, "cleared")
    assert await _steps(alarms, alarm_id) == [("cleared_by_hand", "alice", "tried with the wrong file")]
    await receivers.expect("raised", "cleared", target=FIRST)
    again = await alarms.http.post(door, json={"reason": "once more"})
    assert (again.status_code, again.json()["type"]) == (409, "urn:licensing:problem:alarm-cleared")
    await alarms.bus.say(file_refused(1))  # what was known when it was cleared raises nothing
    assert await alarms.states("FileError") == [("cleared", 1)]
    await alarms.bus.say(file_refused(2))
    assert await alarms.states("FileError") == [("active", 1), ("cleared", 1)]


async def test_refusals_cleared_by_hand_are_forgiven_and_the_next_one_is_a_new_alarm(alarms: Alarms) -> None:
    await alarms.bus.say(changed(1, 105))
    await alarms.bus.say(refused(1, 105, 4))
    alarm_id = (await alarms.only("RequestFailed"))["alarm_id"]
    assert (await alarms.http.post(f"/v1/alarms/{alarm_id}/clearing", json={"reason": "a test device"})).status_code == 200
    await alarms.bus.say(changed(2, 105))
    assert await alarms.states("RequestFailed") == [("cleared", 1)]
    await alarms.bus.say(refused(2, 105, 4))
    assert await alarms.states("RequestFailed") == [("active", 1), ("cleared", 1)]


async def test_an_overdraft_cleared_by_hand_does_not_come_back_by_its_own_old_fact(alarms: Alarms) -> None:
    await alarms.bus.say(ledger.OverdraftEntered(**pool(4, 102)))
    alarm_id = (await alarms.only("OverDraft"))["alarm_id"]
    assert (await alarms.http.post(f"/v1/alarms/{alarm_id}/clearing", json={"reason": "known"})).status_code == 200
    await alarms.bus.say(ledger.OverdraftEntered(**pool(4, 102)))
    await alarms.bus.say(changed(5, 103))
    assert await alarms.states("OverDraft") == [("cleared", 1)]
