"""A destination that may not be disturbed: whatever is owed to it, and however long it stood there, waits until it opens."""

from datetime import datetime, timedelta
from typing import Any

from services.alarms.domain.delivery import PAUSES_SECONDS
from tests.house import eventually
from tests.service.alarms.facts import Alarms, file_refused
from tests.service.alarms.receivers import Receivers, fails

ONE = "https://one.example/"
HOURS = {"time_zone": "Europe/Berlin", "days": ["monday"], "opens": "08:00", "closes": "18:00"}
FOR_EVER = [{"begins": "2020-01-01T00:00:00Z", "ends": "9999-12-31T23:59:59-12:00"}]


async def test_a_destination_that_is_muted_for_ever_takes_no_alarm_from_anybody(alarms: Alarms, receivers: Receivers) -> None:
    await receivers.add("https://muted.example/", maintenance=FOR_EVER)
    await receivers.add("https://closed.example/", maintenance=FOR_EVER, hours=HOURS)
    await receivers.add()
    await alarms.bus.say(file_refused(1))
    await receivers.expect("raised")
    await receivers.become(2, "waiting")


async def test_what_failed_is_not_tried_again_before_the_destination_opens(alarms: Alarms, receivers: Receivers) -> None:
    now = alarms.clock.now()
    window = {"begins": (now + timedelta(seconds=10)).isoformat(), "ends": (now + timedelta(hours=1)).isoformat()}
    await receivers.add(answer=fails, maintenance=[window])
    await alarms.bus.say(file_refused(1))
    for attempts, pause in enumerate(PAUSES_SECONDS[:2], 1):
        await eventually(lambda attempts=attempts: _failed(receivers, attempts), "an attempt")  # type: ignore[misc]
        alarms.clock.advance(timedelta(seconds=pause))
        await receivers.due()
    (row,) = await eventually(lambda: _failed(receivers, 3), "the third attempt")
    assert datetime.fromisoformat(row["next_attempt_at"]) == now + timedelta(hours=1)
    assert len(receivers.got[ONE]) == 3


async def _failed(receivers: Receivers, attempts: int) -> list[dict[str, Any]]:
    return [row for row in await receivers.deliveries(state="failed") if row["attempts"] == attempts]


async def test_a_window_that_is_made_later_holds_for_what_is_owed_already(alarms: Alarms, receivers: Receivers) -> None:
    destination = await receivers.add(answer=fails)
    await alarms.bus.say(file_refused(1))
    await receivers.become(1, "failed")
    now = alarms.clock.now()
    window = {"begins": now.isoformat(), "ends": (now + timedelta(hours=1)).isoformat()}
    door = f"/v1/alarm-destinations/{destination}"
    assert (await alarms.http.put(door, json={"kind": "webhook", "target": ONE, "maintenance": [window]})).status_code == 200
    alarms.clock.advance(timedelta(minutes=30))
    await receivers.due()

    async def put_off() -> bool:
        (row,) = await receivers.deliveries(state="failed")
        return bool(datetime.fromisoformat(row["next_attempt_at"]) == now + timedelta(hours=1) and row["attempts"] == 1)

    await eventually(put_off, "it waits for the end of the window")
    assert len(receivers.got[ONE]) == 1


async def test_a_window_that_is_taken_away_lets_go_what_waited_for_its_end(alarms: Alarms, receivers: Receivers) -> None:
    now = alarms.clock.now()
    window = {"begins": now.isoformat(), "ends": (now + timedelta(hours=8)).isoformat()}
    destination = await receivers.add(maintenance=[window])
    await alarms.bus.say(file_refused(1))
    await receivers.become(1, "waiting")
    door = f"/v1/alarm-destinations/{destination}"
    assert (await alarms.http.put(door, json={"kind": "webhook", "target": ONE})).status_code == 200
    await receivers.expect("raised")
