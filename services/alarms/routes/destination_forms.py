"""Destinations as callers write them and as they are shown."""

from datetime import datetime
from typing import Any, cast, get_args
from uuid import UUID

from services.alarms.domain.destination import Destination, Secret
from services.alarms.domain.reach import Guard
from services.alarms.domain.schedule import Schedule, hours_of, maintenance_of
from services.alarms.domain.targets import InvalidTarget, SnmpTarget, WebhookTarget, parse_target
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
_ANY_SECRET = "whsec_" + "A" * 32
_SAME_MEMBERS = (
    "kind", "target", "minimum_severity", "alarms", "clusters", "after_minutes", "enabled", "suspended", "comment",
    "created_by", "created_at", "changed_by", "changed_at",
)  # fmt: skip


def check_reach(body: NewDestination, guard: Guard) -> None:
    """What can be said without asking the network: most mistakes are told when they are made. Raises InvalidTarget, TargetRefused."""
    if body.kind == "webhook":
        target = parse_target(body.kind, body.target, {"secrets": [_ANY_SECRET]})
        assert isinstance(target, WebhookTarget)
        guard.admit_scheme(target.scheme)
        guard.admit_host(target.host)


def destination_of(body: NewDestination, destination_id: UUID, made_secret: str | None, by: str, at: datetime) -> Destination:
    """The destination that a body describes. Raises InvalidTarget, InvalidSchedule."""
    secret = made_secret or body.secret
    return Destination(
        destination_id=destination_id,
        kind=body.kind,
        target=body.target,
        minimum_severity=body.minimum_severity,
        alarms=tuple(body.alarms) if body.alarms is not None else None,
        clusters=tuple(body.clusters) if body.clusters is not None else None,
        after_minutes=body.after_minutes,
        schedule=_schedule(body),
        options=_options(body, secret),
        secrets=(Secret(secret),) if secret else (),
        enabled=body.enabled,
        comment=body.comment,
        created_by=by,
        created_at=at,
        changed_by=by,
        changed_at=at,
    )


def _schedule(body: NewDestination) -> Schedule:
    """Raises InvalidSchedule."""
    maintenance = tuple(maintenance_of(one.begins, one.ends) for one in body.maintenance)
    if body.hours is None:
        return Schedule(None, maintenance)
    days = tuple(sorted({_DAYS.index(day) for day in body.hours.days}))
    return Schedule(hours_of(body.hours.time_zone, days, body.hours.opens, body.hours.closes), maintenance)


def _options(body: NewDestination, secret: str | None) -> dict[str, Any]:
    """What belongs to the kind and stands not in the target; checked together with it. Raises InvalidTarget."""
    given = {"syslog": body.syslog, "snmp": body.snmp}
    for kind, options in given.items():
        if options is not None and kind != body.kind:
            raise InvalidTarget(kind, f"belongs to a destination of that kind, and this one is of kind {body.kind}: leave it out")
    if body.secret is not None and body.kind != "webhook":
        raise InvalidTarget("secret", f"belongs to a webhook, and this destination is of kind {body.kind}: leave it out")
    of_kind = given.get(body.kind)
    chosen: dict[str, Any] = of_kind.model_dump(exclude_none=True) if of_kind is not None else {}
    # A change that leaves the secret out keeps the known ones, which were checked when they came.
    target = parse_target(body.kind, body.target, {"secrets": [secret or _ANY_SECRET]} if body.kind == "webhook" else chosen)
    if isinstance(target, SnmpTarget) and target.engine_id is not None:
        chosen["engine_id"] = target.engine_id  # the receiver has to be told of it: it is shown, also where it was made here
    return chosen


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
