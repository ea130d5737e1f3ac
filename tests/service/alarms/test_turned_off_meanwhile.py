"""A destination that is turned off in the moment in which something is written down for it: nothing is left that nobody takes away."""

import asyncio

from sqlalchemy import text

from services.alarms.actions import fan_out
from services.alarms.store import alarms as stored
from tests.house import eventually
from tests.service.alarms.facts import Alarms, file_refused
from tests.service.alarms.receivers import Receivers, takes_it


async def test_what_is_owed_while_a_destination_is_turned_off_is_given_up_with_the_rest(alarms: Alarms) -> None:
    receivers = Receivers(alarms)
    alarms.app.state.courier.send = receivers.send
    destination = await receivers.add(answer=takes_it)
    await alarms.bus.say(file_refused(1))
    await receivers.become(1, "sent")
    database = alarms.app.state.kit.database
    off = {"kind": "webhook", "target": "https://one.example/", "enabled": False}

    async def someone_waits() -> bool:
        async with database.transaction() as tx:
            return bool(await tx.session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))

    async with database.transaction() as tx:
        alarm = await stored.find(tx, (await alarms.only("FileError"))["alarm_id"])
        assert alarm is not None
        await fan_out.owe(tx, alarm, "repeated")
        turning_off = asyncio.create_task(alarms.http.put(f"/v1/alarm-destinations/{destination}", json=off))
        await eventually(someone_waits, "who turns it off waits for what is being written")
    assert (await turning_off).status_code == 200
    rows = await receivers.deliveries()
    assert {row["occasion"]: row["state"] in {"sent", "given_up"} for row in rows} == {"raised": True, "repeated": True}
    assert await receivers.deliveries(state="waiting") == []
