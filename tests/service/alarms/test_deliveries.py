"""What destinations are owed, and what becomes of it: each row from its first attempt to its end."""

import asyncio
from datetime import timedelta

from services.alarms.domain.delivery import PAUSES_SECONDS
from services.alarms.domain.message import Message
from services.alarms.domain.receipt import DeliveryFailed
from shared.contracts.events import ledger
from tests.house import eventually
from tests.service.alarms.facts import Alarms, changed, file_installed, file_refused, pool, refused, store_failed, store_recovered
from tests.service.alarms.receivers import Receivers, fails, hangs, is_gone, takes_it

ONE, OTHER = "https://one.example/", "https://other.example/"


async def test_a_raising_and_its_clearing_reach_the_destination_in_order_with_the_answer_in_the_row(
    alarms: Alarms, receivers: Receivers
) -> None:
    await receivers.add()
    await alarms.bus.say(file_refused(1))
    await receivers.expect("raised")
    await alarms.bus.say(file_installed(2))
    raised, over = await receivers.expect("raised", "cleared")
    assert (raised.name, raised.severity, raised.urgency, over.urgency) == ("CiscoLicenseFileError", "error", 3, 6)
    assert raised.alarm_id == over.alarm_id
    assert raised.delivery_id != over.delivery_id
    rows = await receivers.become(2, "sent")
    assert [(row["occasion"], row["attempts"], row["answer"], len(row["history"])) for row in rows] == [
        ("raised", 1, "204", 1),
        ("cleared", 1, "204", 1),
    ]
    assert all(row["answered_at"] >= row["claimed_at"] >= row["created_at"] and row["next_attempt_at"] is None for row in rows)


async def test_each_destination_is_told_what_it_wants_and_no_more(alarms: Alarms, receivers: Receivers) -> None:
    await receivers.add("https://grave.example/", minimum_severity="alert")
    await receivers.add("https://files.example/", alarms=["CiscoLicenseFileError"])
    await receivers.add("https://branch.example/", clusters=["branch"])
    await receivers.add("https://off.example/", enabled=False)
    await receivers.add("https://all.example/")
    await alarms.bus.say(file_refused(1, cluster="headquarters"))
    await alarms.bus.say(file_refused(2, cluster="branch"))
    await alarms.bus.say(store_failed(3))
    await alarms.bus.say(ledger.OverdraftEntered(**pool(4, 102, cluster="headquarters")))
    await receivers.become(4 + 2 + 2 + 1, "sent")

    def heard(target: str) -> list[tuple[str, str | None]]:
        return sorted((message.name, message.cluster or "") for message in receivers.got.get(f"https://{target}.example/", []))

    file, store, overdraft = "CiscoLicenseFileError", "CiscoLicenseDataStoreError", "CiscoLicenseOverDraft"
    assert heard("grave") == [(overdraft, "headquarters")]
    assert heard("files") == [(file, "branch"), (file, "headquarters")]
    assert heard("branch") == [(store, ""), (file, "branch")]
    assert heard("all") == [(store, ""), (file, "branch"), (file, "headquarters"), (overdraft, "headquarters")]
    assert heard("off") == []


async def test_a_clearing_goes_to_whoever_got_the_raising_although_it_wants_no_such_alarm_any_more(
    alarms: Alarms, receivers: Receivers
) -> None:
    destination = await receivers.add()
    await alarms.bus.say(file_refused(1))
    await receivers.become(1, "sent")
    narrowed = {"kind": "webhook", "target": ONE, "alarms": ["CiscoLicenseOverDraft"]}
    assert (await alarms.http.put(f"/v1/alarm-destinations/{destination}", json=narrowed)).status_code == 200
    await receivers.add(OTHER)
    await alarms.bus.say(file_installed(2))
    await receivers.expect("raised", "cleared")
    await receivers.become(2, "sent")
    assert OTHER not in receivers.got


async def test_a_failed_delivery_is_tried_again_at_its_times_and_given_up_after_a_day(alarms: Alarms, receivers: Receivers) -> None:
    await receivers.add(answer=fails)
    await alarms.bus.say(file_refused(1))
    total = timedelta()
    for attempt, pause in enumerate(PAUSES_SECONDS, start=1):
        (row,) = await receivers.become(1, "failed")
        await eventually(lambda attempt=attempt: _attempts(receivers, attempt), f"attempt {attempt}")  # type: ignore[misc]
        alarms.clock.advance(timedelta(seconds=pause))
        total += timedelta(seconds=pause)
        await receivers.due()
    (row,) = await receivers.become(1, "given_up")
    assert (row["attempts"], row["answer"]) == (len(PAUSES_SECONDS) + 1, "500 out of order")
    assert timedelta(hours=20) < total <= timedelta(days=1)
    assert len({message.delivery_id for message in receivers.got[ONE]}) == 1
    assert len(receivers.got[ONE]) == len(PAUSES_SECONDS) + 1
    await alarms.bus.say(file_installed(2))
    assert [one["occasion"] for one in await receivers.deliveries()] == ["raised"]  # it never got the raising


async def _attempts(receivers: Receivers, count: int) -> bool:
    (row,) = await receivers.deliveries()
    return bool(row["attempts"] == count and row["state"] != "claimed")


async def test_a_receiver_that_asks_for_patience_is_left_alone_for_so_long(alarms: Alarms, receivers: Receivers) -> None:
    async def busy(_message: Message) -> str:
        raise DeliveryFailed("503 busy", retry_after_seconds=600)

    await receivers.add(answer=busy)
    await alarms.bus.say(file_refused(1))
    (row,) = await receivers.become(1, "failed")
    alarms.clock.advance(timedelta(seconds=590))
    await receivers.due()
    receivers.answers[ONE] = takes_it
    assert [one["attempts"] for one in await receivers.deliveries()] == [1]
    alarms.clock.advance(timedelta(seconds=20))
    await receivers.due()
    (row,) = await receivers.become(1, "sent")
    assert [attempt["answer"] for attempt in row["history"]] == ["503 busy", "204"]


async def test_what_failed_before_is_tried_at_once_when_the_receiver_answers_again(alarms: Alarms, receivers: Receivers) -> None:
    await receivers.add(answer=fails)
    for number in range(3):
        await alarms.bus.say(file_refused(1, cluster=f"c{number}"))
    await receivers.become(3, "failed")
    alarms.clock.advance(timedelta(seconds=1))
    await receivers.due()
    await eventually(lambda: _all_tried(receivers, 2), "a second attempt of each")
    receivers.answers[ONE] = takes_it  # the next attempt is due in five seconds; another alarm comes first
    await alarms.bus.say(file_refused(1, cluster="c9"))
    await receivers.become(4, "sent")


async def _all_tried(receivers: Receivers, times: int) -> bool:
    return all(row["attempts"] == times and row["state"] == "failed" for row in await receivers.deliveries())


async def test_a_destination_that_is_gone_is_suspended_and_owed_nothing_until_it_is_put_again(alarms: Alarms, receivers: Receivers) -> None:
    destination = await receivers.add(answer=is_gone)
    await alarms.bus.say(file_refused(1))
    (row,) = await receivers.become(1, "given_up")
    assert (row["attempts"], row["answer"]) == (1, "410 Gone")
    door = f"/v1/alarm-destinations/{destination}"
    seen = (await alarms.http.get(door)).json()
    assert (seen["enabled"], "410 Gone" in seen["suspended"]) == (False, True)
    await alarms.bus.say(file_refused(2, cluster="branch"))
    receivers.answers[ONE] = takes_it
    assert (await alarms.http.put(door, json={"kind": "webhook", "target": ONE})).json()["suspended"] is None
    await alarms.bus.say(file_refused(3, cluster="lab"))
    (row,) = await receivers.become(1, "sent")
    assert row["cluster"] == "lab"


async def test_a_destination_that_hangs_holds_up_nobody_and_not_itself_for_ever(alarms: Alarms, receivers: Receivers) -> None:
    await receivers.add(answer=hangs)
    await receivers.add(OTHER)
    for number in range(20):
        await alarms.bus.say(file_refused(1, cluster=f"c{number}"))
    await receivers.become(20, "sent")
    assert len(receivers.got[OTHER]) == 20
    claimed = await receivers.become(4, "claimed")
    receivers.answers[ONE] = takes_it
    alarms.clock.advance(timedelta(seconds=31))  # whoever claimed them is taken for dead; those places are still taken in this process
    other = alarms.app.state.courier.__class__(receivers.send, alarms.app.state.courier._patience)
    another = asyncio.create_task(other.run(alarms.app.state.kit))
    await receivers.become(40, "sent")
    another.cancel()
    again = [row for row in await receivers.deliveries(state="sent") if row["delivery_id"] in {one["delivery_id"] for one in claimed}]
    assert [row["attempts"] for row in again] == [2, 2, 2, 2]


async def test_our_own_fault_while_sending_is_a_failed_attempt_and_no_lost_delivery(alarms: Alarms, receivers: Receivers) -> None:
    async def broken(_message: Message) -> str:
        raise KeyError("ours")

    await receivers.add(answer=broken)
    await alarms.bus.say(file_refused(1))
    (row,) = await receivers.become(1, "failed")
    assert row["answer"] == "our own fault: KeyError; see the log of the alarms"


async def test_a_flapping_alarm_is_told_with_a_pause_and_not_at_all_if_it_ended_within_it(alarms: Alarms, receivers: Receivers) -> None:
    await receivers.add()
    for turn in range(6):
        failed = store_failed(0).model_copy(update={"at": alarms.clock.now() + timedelta(seconds=2 * turn)})
        await alarms.bus.say(failed)
        ended = store_recovered(0, 0).model_copy(update={"at": failed.at + timedelta(seconds=1), "failed_at": failed.at})
        await alarms.bus.say(ended)
    await receivers.become(6, "sent")  # three times raised and cleared
    assert len(await receivers.become(3, "overtaken")) == 3
    assert len(await alarms.listed("DataStoreError")) == 6  # the state was never delayed
    again = store_failed(0).model_copy(update={"at": alarms.clock.now() + timedelta(seconds=60)})
    await alarms.bus.say(again)
    (held,) = await receivers.become(1, "waiting")
    alarms.clock.advance(timedelta(minutes=11))
    await receivers.due()
    await receivers.become(7, "sent")
    assert receivers.got[ONE][-1].delivery_id.hex == held["delivery_id"].replace("-", "")


async def test_a_storm_of_refusals_is_one_alarm_with_a_count_and_one_delivery(alarms: Alarms, receivers: Receivers) -> None:
    await receivers.add()
    await alarms.bus.say(changed(1, 105))
    for _ in range(20):
        await alarms.bus.say(refused(1, 105, 4, count=500))
    alarm = await alarms.only("RequestFailed")
    assert alarm["count"] == 10_000
    await receivers.become(1, "sent")
    assert len(await receivers.deliveries()) == 1


async def test_a_closed_destination_is_told_when_it_opens_unless_it_is_over_by_then(alarms: Alarms, receivers: Receivers) -> None:
    now = alarms.clock.now()
    window = {"begins": (now - timedelta(hours=1)).isoformat(), "ends": (now + timedelta(hours=1)).isoformat()}
    await receivers.add(maintenance=[window])
    await alarms.bus.say(file_refused(1, cluster="stays"))
    await alarms.bus.say(file_refused(1, cluster="goes"))
    assert len(await receivers.become(2, "waiting")) == 2
    await alarms.bus.say(file_installed(2, cluster="goes"))
    (over,) = await receivers.become(1, "overtaken")
    assert over["cluster"] == "goes"
    assert receivers.got == {}
    alarms.clock.advance(timedelta(hours=1, seconds=1))
    await receivers.due()
    (told,) = await receivers.expect("raised")
    assert told.cluster == "stays"


async def test_deliveries_are_counted_by_kind_and_outcome(alarms: Alarms, receivers: Receivers) -> None:
    await receivers.add()
    await receivers.add(OTHER, answer=fails)
    await alarms.bus.say(file_refused(1))
    await receivers.become(1, "sent")
    await receivers.become(1, "failed")

    async def count(outcome: str) -> float:
        return await alarms.metric(f'license_alarm_deliveries_total{{kind="webhook",outcome="{outcome}"}}')

    assert (await count("sent"), await count("failed"), await count("given_up")) == (1, 1, 0)
