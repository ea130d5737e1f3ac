"""Say that an alarm began or ended: to the event log, and as a fact to everybody who listens."""

import logging

from services.alarms.domain.alarm import Alarm
from shared.contracts.events.alarms import AlarmCleared, AlarmRaised
from shared.kit.logs import log_of
from shared.kit.transaction import Transaction

_log = log_of("alarms")
_LOG_LEVELS = [*[logging.CRITICAL] * 3, logging.ERROR, logging.WARNING, logging.INFO, logging.INFO, logging.DEBUG]
"""By syslog's number; the log knows nothing above critical."""
_INFORMATIONAL = 6


def tell_raised(tx: Transaction, alarm: Alarm) -> None:
    """The alarm began. Its line stands in the log at the alarm's own severity."""
    _write_line(alarm.level, "alarm-raised", alarm)
    tx.publish(AlarmRaised.model_validate(_members(alarm)))


def tell_cleared(tx: Transaction, alarm: Alarm) -> None:
    """The alarm ended: good news, whatever its severity was."""
    _write_line(_INFORMATIONAL, "alarm-cleared", alarm)
    tx.publish(AlarmCleared.model_validate(_members(alarm) | {"cleared_at": alarm.cleared_at}))


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
