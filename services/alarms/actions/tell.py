"""Say what became of an alarm: to the event log, as a fact to everybody who listens, and to the destinations that are owed it."""

import logging
from collections.abc import Sequence

from services.alarms.actions.fan_out import owe, owe_clearing, owe_escalated
from services.alarms.actions.show_change import show
from services.alarms.domain.alarm import Alarm
from services.alarms.domain.destination import Destination
from services.alarms.domain.message import INFORMATIONAL
from shared.contracts.events.alarms import AlarmCleared, AlarmEscalated, AlarmRaised, AlarmRepeated
from shared.kit.logs import log_of
from shared.kit.transaction import Transaction

_log = log_of("alarms")
_LOG_LEVELS = [*[logging.CRITICAL] * 3, logging.ERROR, logging.WARNING, logging.INFO, logging.INFO, logging.DEBUG]
"""By syslog's number; the log knows nothing above critical."""


async def tell_raised(tx: Transaction, alarm: Alarm) -> None:
    """The alarm began. Its line stands in the log at the alarm's own severity."""
    _write_line(alarm.level, "alarm-raised", alarm)
    tx.publish(AlarmRaised.model_validate(_members(alarm)))
    await owe(tx, alarm, "raised")
    show(tx, "raised", alarm)


async def tell_repeated(tx: Transaction, alarm: Alarm) -> None:
    """The alarm stands still."""
    _write_line(alarm.level, "alarm-repeated", alarm)
    tx.publish(AlarmRepeated.model_validate(_members(alarm)))
    await owe(tx, alarm, "repeated")
    show(tx, "repeated", alarm)


async def tell_escalated(tx: Transaction, alarm: Alarm, destinations: Sequence[Destination]) -> None:
    """Nobody acknowledged the alarm in time: others are told."""
    _write_line(alarm.level, "alarm-escalated", alarm)
    tx.publish(AlarmEscalated.model_validate(_members(alarm)))
    await owe_escalated(tx, alarm, destinations)
    show(tx, "escalated", alarm)


async def tell_cleared(tx: Transaction, alarm: Alarm) -> None:
    """The alarm ended: good news, whatever its severity was."""
    _write_line(INFORMATIONAL, "alarm-cleared", alarm)
    tx.publish(AlarmCleared.model_validate(_members(alarm) | {"cleared_at": alarm.cleared_at}))
    await owe_clearing(tx, alarm)
    show(tx, "cleared", alarm)


def _write_line(level: int, event: str, alarm: Alarm) -> None:
    """One line of the event log, ``level`` being syslog's number."""
    _log.log(
        _LOG_LEVELS[level],
        event,
        alarm=alarm.name,
        severity=alarm.severity,
        subject=alarm.subject,
        reason=alarm.reason,
        recommended_action=alarm.recommended_action,
        alarm_id=str(alarm.alarm_id),
        count=alarm.count,
    )


def _members(alarm: Alarm) -> dict[str, object]:
    names = (
        "name",
        "severity",
        "level",
        "cluster",
        "reason",
        "recommended_action",
        "raised_at",
        "last_seen_at",
        "count",
        "version",
        "stage",
    )
    return {"alarm_id": str(alarm.alarm_id), "alarm_subject": alarm.subject, **{name: getattr(alarm, name) for name in names}}
