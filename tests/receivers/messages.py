"""What is told in tests: each of the seven alarms, raised and cleared, as the catalogue that is shipped has it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from services.alarms.app import shipped_catalogue
from services.alarms.domain.catalogue import AlarmName
from services.alarms.domain.message import Message

AT = datetime(2026, 11, 24, 14, 53, 55, 655_528, tzinfo=UTC)


def raised(name: AlarmName = AlarmName.OVERDRAFT, **changes: Any) -> Message:
    """One raising of an alarm, with a delivery's id of its own."""
    kind = shipped_catalogue()[name]
    message = Message(
        delivery_id=uuid4(),
        occasion="raised",
        at=AT,
        alarm_id=UUID(int=list(AlarmName).index(name) + 1),
        name=kind.name.value,
        severity=kind.severity,
        level=kind.level,
        cluster="headquarters",
        subject="headquarters/PHONE_UNIT",
        reason="headquarters/PHONE_UNIT: 5 010 used of 5 000 authorized, 10 units of overdraft, 240 of 250 left",
        recommended_action=f"{kind.recommended_action}. 10 units more, or as many given back, end the overdraft.",
        raised_at=AT,
        last_seen_at=AT + timedelta(seconds=2),
        count=3,
    )
    return replace(message, **changes)


def cleared(name: AlarmName = AlarmName.OVERDRAFT, **changes: Any) -> Message:
    return raised(name, occasion="cleared", cleared_at=AT + timedelta(minutes=5), **changes)


def all_seven() -> list[Message]:
    """Raised and cleared, fourteen messages."""
    return [told(name) for name in AlarmName for told in (raised, cleared)]
