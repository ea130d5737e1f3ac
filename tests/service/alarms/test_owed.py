"""What is owed, where something comes in between: a stop, patience that was asked for, a raising that was given up, a long time."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from services.alarms.actions.deliver import Courier
from services.alarms.actions.remind import give_up_beyond
from services.alarms.domain.delivery import PAUSES_SECONDS, next_attempt
from services.alarms.domain.message import Message
from services.alarms.domain.receipt import DeliveryFailed
from services.alarms.store import deliveries
from shared.kit.tasks import ended
from tests.house import eventually
from tests.service.alarms.facts import Alarms, file_installed, file_refused
from tests.service.alarms.receivers import Receivers, fails, hangs, takes_it

ONE = "https://one.example/"


async def test_a_courier_that_stops_gives_back_what_it_did_not_bring(alarms: Alarms, receivers: Receivers) -> None:
    kit, service = alarms.app.state.kit, alarms.app.state.courier
    (at_work,) = [task for task in asyncio.all_tasks() if _is_of(task, service)]
    await receivers.add(answer=hangs)
    await alarms.bus.say(file_refused(1))
    await receivers.become(1, "claimed")
    await ended([at_work])
    (row,) = await receivers.become(1, "waiting")
    assert row["attempts"] == 0
    receivers.answers[ONE] = takes_it
    next_one = asyncio.create_task(service.run(kit))
    (row,) = await receivers.become(1, "sent")
    assert row["attempts"] == 1
    await ended([next_one])


async def test_a_claim_that_was_taken_over_meanwhile_is_not_given_back(alarms: Alarms, receivers: Receivers) -> None:
    await receivers.add(answer=hangs)
    await alarms.bus.say(file_refused(1))
    (row,) = await receivers.become(1, "claimed")
    async with alarms.app.state.kit.database.transaction() as tx:
        claim = await deliveries.find(tx, UUID(row["delivery_id"]))
        assert claim is not None
        await deliveries.give_back(tx, [replace(claim, attempts=claim.attempts - 1)], tx.now)
    assert [one["state"] for one in await receivers.deliveries()] == ["claimed"]


def _is_of(task: "asyncio.Task[Any]", courier: Courier) -> bool:
    """Is this the task in which the service has the courier run?"""
    frame = getattr(task.get_coro(), "cr_frame", None)
    work = frame.f_locals.get("work") if frame is not None else None
    inner = getattr(work, "cr_frame", None)
    return inner is not None and inner.f_locals.get("self") is courier


async def test_who_asked_for_patience_is_left_alone_although_it_took_something_else(alarms: Alarms, receivers: Receivers) -> None:
    async def one_at_a_time(message: Message) -> str:
        if message.cluster == "early":
            raise DeliveryFailed("429 slowly", retry_after_seconds=20)
        return "204"

    await receivers.add(answer=one_at_a_time)
    await alarms.bus.say(file_refused(1, cluster="early"))
    (early,) = await receivers.become(1, "failed")
    await alarms.bus.say(file_refused(1, cluster="late"))
    await receivers.become(1, "sent")
    await alarms.bus.say(file_refused(1, cluster="later"))
    await receivers.become(2, "sent")
    assert await receivers.become(1, "failed") == [early]


async def test_attempts_that_came_early_cost_nothing_of_the_day(alarms: Alarms) -> None:
    now = alarms.clock.now()
    many, day = len(PAUSES_SECONDS) + 1, timedelta(seconds=sum(PAUSES_SECONDS))
    assert next_attempt(many, now, now + timedelta(minutes=1), None) == now + timedelta(minutes=1, seconds=PAUSES_SECONDS[-1])
    assert next_attempt(many, now, now + day - timedelta(hours=1), None) == now + day
    assert next_attempt(many, now, now + day, None) is None


async def test_the_end_of_an_alarm_whose_raising_was_given_up_is_not_told(alarms: Alarms, receivers: Receivers) -> None:
    await receivers.add(answer=fails)
    await alarms.bus.say(file_refused(1))
    await receivers.become(1, "failed")
    await alarms.bus.say(file_installed(2))
    await receivers.become(1, "waiting")
    async with alarms.app.state.kit.database.transaction() as tx:
        await give_up_beyond(tx, 1)
    (over,) = await receivers.become(1, "overtaken")
    assert over["occasion"] == "cleared"
    assert {message.occasion for message in receivers.got[ONE]} == {"raised"}


async def test_the_same_where_the_raising_is_given_up_after_its_day(alarms: Alarms, receivers: Receivers) -> None:
    await receivers.add(answer=fails)
    await alarms.bus.say(file_refused(1))
    await receivers.become(1, "failed")
    await alarms.bus.say(file_installed(2))

    async def given_up() -> bool:
        alarms.clock.advance(timedelta(hours=9))
        await receivers.due()
        return bool(await receivers.deliveries(state="given_up"))

    await eventually(given_up, "its day is over")
    await receivers.become(1, "overtaken")
    assert {message.occasion for message in receivers.got[ONE]} == {"raised"}


async def test_who_was_told_of_an_alarm_is_remembered_for_as_long_as_it_stands(alarms: Alarms, receivers: Receivers) -> None:
    await receivers.add()
    await alarms.bus.say(file_refused(1))
    await receivers.become(1, "sent")
    alarms.clock.advance(timedelta(days=100))
    async with alarms.app.state.kit.database.transaction() as tx:
        await deliveries.forget_done(tx, tx.now - timedelta(days=90))
    await alarms.bus.say(file_installed(2))
    await receivers.expect("raised", "cleared")
    await receivers.become(2, "sent")
    async with alarms.app.state.kit.database.transaction() as tx:
        await deliveries.forget_done(tx, tx.now)
    assert [row["occasion"] for row in await receivers.deliveries()] == ["cleared"]


async def test_a_test_whose_process_ended_is_not_sent_again(alarms: Alarms, receivers: Receivers) -> None:
    destination = await receivers.add(answer=hangs)
    trying = asyncio.create_task(alarms.http.post(f"/v1/alarm-destinations/{destination}/test"))
    await receivers.become(1, "claimed")
    await ended([trying])
    alarms.clock.advance(timedelta(minutes=3))
    await receivers.due()
    (row,) = await receivers.become(1, "given_up")
    assert row["answer"] == "the process that tried it ended; try again"
    assert len(receivers.got[ONE]) == 1
