"""Have listeners told what became of an alarm, with the commit of the change."""

from functools import partial
from typing import Literal

from services.alarms.actions.stream import STREAM
from services.alarms.domain.alarm import Alarm
from services.alarms.store import changes
from shared.contracts.bodies.alarms import AlarmBody
from shared.kit.transaction import Transaction

What = Literal["raised", "repeated", "escalated", "acknowledged", "commented", "cleared"]


def show(tx: Transaction, what: What, alarm: Alarm) -> None:
    """``alarm`` as it stands now."""
    tx.at_the_end(partial(changes.add, tx, what, alarm_body(alarm).model_dump(mode="json")))
    tx.wake(STREAM)


def alarm_body(alarm: Alarm) -> AlarmBody:
    """An alarm as callers see it."""
    members = {name: getattr(alarm, name) for name in AlarmBody.model_fields if name != "alarm_id"}
    return AlarmBody(alarm_id=str(alarm.alarm_id), **members)
