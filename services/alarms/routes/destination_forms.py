"""Destinations as callers write them and as they are shown."""

from datetime import datetime
from typing import Any, cast, get_args
from uuid import UUID

from services.alarms.clients.reach import options_of
from services.alarms.domain.destination import Destination, Secret
from services.alarms.domain.schedule import Hours, Maintenance, Schedule
from shared.contracts.bodies.alarm_destinations import (
    DayWord,
    DestinationBody,
    HoursBody,
    MadeDestination,
    MaintenanceBody,
    NewDestination,
)

_DAYS: tuple[DayWord, ...] = get_args(DayWord)
_CREDENTIALS = {"community", "auth_key", "priv_key"}
_SAME_MEMBERS = (
    "kind", "target", "minimum_severity", "alarms", "clusters", "after_minutes", "enabled", "suspended", "comment",
    "created_by", "created_at", "changed_by", "changed_at",
)  # fmt: skip


def destination_of(body: NewDestination, destination_id: UUID, made_secret: str | None, by: str, at: datetime) -> Destination:
    """The destination that a body describes. Raises InvalidTarget, InvalidSchedule."""
    secret = made_secret or body.secret
    hours = body.hours and Hours(
        body.hours.time_zone, tuple(sorted({_DAYS.index(day) for day in body.hours.days})), body.hours.opens, body.hours.closes
    )
    return Destination(
        destination_id=destination_id,
        kind=body.kind,
        target=body.target,
        minimum_severity=body.minimum_severity,
        alarms=tuple(body.alarms) if body.alarms is not None else None,
        clusters=tuple(body.clusters) if body.clusters is not None else None,
        after_minutes=body.after_minutes,
        schedule=Schedule(hours, tuple(Maintenance(one.begins, one.ends) for one in body.maintenance)),
        options=options_of(body),
        secrets=(Secret(secret),) if secret else (),
        enabled=body.enabled,
        comment=body.comment,
        created_by=by,
        created_at=at,
        changed_by=by,
        changed_at=at,
    )


def destination_body(destination: Destination) -> DestinationBody:
    """Without any secret or credential."""
    return DestinationBody(**_members(destination))


def made_body(destination: Destination, made_secret: str | None) -> MadeDestination:
    """With the secret that was made for it, the only time."""
    return MadeDestination(**_members(destination), secret=made_secret)


def _members(destination: Destination) -> dict[str, Any]:
    hours = destination.schedule.hours
    members = {name: getattr(destination, name) for name in _SAME_MEMBERS}
    return members | {
        "destination_id": str(destination.destination_id),
        "hours": hours
        and HoursBody(
            time_zone=hours.time_zone,
            days=[_DAYS[day] for day in hours.days],
            opens=hours.opens,
            closes=hours.closes,
        ),
        "maintenance": [MaintenanceBody(begins=one.begins, ends=one.ends) for one in destination.schedule.maintenance],
        "options": {
            name: cast(str, value) for name, value in destination.options.items() if name not in _CREDENTIALS and value is not None
        },
    }
