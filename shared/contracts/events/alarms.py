"""Facts of the alarms: raised, repeated and cleared. Public: other systems may listen."""

from datetime import datetime
from typing import ClassVar

from shared.contracts.base import Event


class AlarmEvent(Event):
    """An alarm as it stands; ``level`` is syslog's number of ``severity``; ``count`` says how often it was seen since ``raised_at``.

    ``stage``: of an overdraft, beside its severity.
    """

    alarm_id: str
    name: str
    severity: str
    level: int
    cluster: str | None
    alarm_subject: str
    reason: str
    recommended_action: str
    raised_at: datetime
    last_seen_at: datetime
    count: int
    version: int
    stage: str | None = None

    @property
    def subject(self) -> str:
        return f"{self.name}/{self.alarm_subject}"


class AlarmRaised(AlarmEvent):
    """The alarm began to stand."""

    type: ClassVar[str] = "alarms.alarm-raised.v1"


class AlarmRepeated(AlarmEvent):
    """The alarm stands still, a day after it was last told."""

    type: ClassVar[str] = "alarms.alarm-repeated.v1"


class AlarmEscalated(AlarmEvent):
    """Nobody acknowledged the alarm in the time that a destination waits for."""

    type: ClassVar[str] = "alarms.alarm-escalated.v1"


class AlarmCleared(AlarmEvent):
    """The alarm stands no longer."""

    type: ClassVar[str] = "alarms.alarm-cleared.v1"

    cleared_at: datetime
