"""Bodies of alarm destinations and of what was delivered to them. Secrets go in and never come out, but for one that we made, once."""

from datetime import datetime, time
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from shared.contracts.base import AnswerBody, RequestBody
from shared.contracts.bodies.alarms import AlarmNameWord, Comment
from shared.contracts.fields import Name

SeverityWord = Literal["emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug"]
DestinationKind = Literal["syslog", "snmp", "email", "webhook"]
DeliveryState = Literal["waiting", "claimed", "failed", "sent", "given_up", "overtaken"]
DeliveryOccasion = Literal["raised", "repeated", "escalated", "cleared", "test"]
DayWord = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Credential = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[\x20-\x7e]+$")]
WebhookSecret = Annotated[str, StringConstraints(min_length=30, max_length=128, pattern=r"^whsec_[A-Za-z0-9+/]+={0,2}$")]
"""Of the Standard Webhooks: `whsec_` and 24 to 64 bytes in base64."""

Target = Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=r"^[\x21-\x7e]+$")]


class HoursBody(RequestBody):
    """When something may be told; closing no later than it opens means the next day. What falls outside is told when they open."""

    time_zone: str = Field(max_length=64, examples=["Europe/Berlin"])
    days: list[DayWord] = Field(min_length=1, max_length=7)
    opens: time = Field(examples=["08:00"])
    closes: time = Field(examples=["18:00"])


class MaintenanceBody(RequestBody):
    """Nothing is told in between; what still stands at the end is told then."""

    begins: AwareDatetime
    ends: AwareDatetime


class SyslogOptions(RequestBody):
    """``ca_pem``: whom to trust for `tls://`; left out, the machine's own list."""

    format: Literal["rfc5424", "ciscolog"] = "rfc5424"
    ca_pem: str | None = Field(default=None, max_length=65_536)


class SnmpOptions(RequestBody):
    """v2c with a community, or v3 with a user, authentication and encryption; `engine_id` is ours, left out it follows from the user."""

    version: Literal["v2c", "v3"] | None = Field(default=None, description="Left out: v3 with a user, else v2c.")
    community: Credential | None = None
    user: Credential | None = None
    engine_id: Credential | None = None
    auth_protocol: Literal["sha", "sha256"] | None = None
    auth_key: Credential | None = None
    priv_protocol: Literal["aes128"] | None = None
    priv_key: Credential | None = None


class NewDestination(RequestBody):
    """Whom to tell. ``target``: `udp://host:port`, `tcp://…`, `tls://…`, `snmp://host:port`, `mailto:…`, `https://…`.

    ``after_minutes``: tell only what nobody has acknowledged for so long. ``secret``: of a webhook; left out, one is made.
    """

    kind: DestinationKind
    target: Target = Field(examples=["https://operations.example/alarms"])
    minimum_severity: SeverityWord = "informational"
    alarms: list[AlarmNameWord] | None = Field(default=None, min_length=1, description="Left out: all.")
    clusters: list[Name] | None = Field(default=None, min_length=1, max_length=1000, description="Left out: all.")
    after_minutes: int | None = Field(default=None, ge=1, le=10_080, strict=True)
    hours: HoursBody | None = Field(default=None, description="Left out: always.")
    maintenance: list[MaintenanceBody] = Field(default=[], max_length=20)
    enabled: bool = Field(default=True, strict=True)
    comment: Comment | None = None
    syslog: SyslogOptions | None = None
    snmp: SnmpOptions | None = None
    secret: WebhookSecret | None = None


class DestinationBody(AnswerBody):
    """A destination. ``suspended``: why it was turned off by itself; put it again to turn it on."""

    destination_id: str
    kind: DestinationKind
    target: str
    minimum_severity: SeverityWord
    alarms: list[str] | None
    clusters: list[str] | None
    after_minutes: int | None
    hours: HoursBody | None
    maintenance: list[MaintenanceBody]
    enabled: bool
    suspended: str | None
    comment: str | None
    options: dict[str, str] = Field(description="Of its kind, without credentials.")
    created_by: str
    created_at: datetime
    changed_by: str
    changed_at: datetime


class MadeDestination(DestinationBody):
    """``secret``: the one that we made; it is shown now and never again."""

    secret: str | None = None


class NewSecret(RequestBody):
    """Rotate a webhook's secret. The older one signs beside it for ``overlap_hours``."""

    secret: WebhookSecret | None = None
    overlap_hours: int = Field(default=24, ge=0, le=720, strict=True)


class RotatedSecret(AnswerBody):
    """``secret``: the new one where we made it, shown once. ``older_until``: until when the older one signs too."""

    secret: str | None
    older_until: datetime


class AttemptBody(AnswerBody):
    """One attempt and what was answered."""

    at: datetime
    answer: str


class AlarmDelivery(AnswerBody):
    """A message for a destination. ``delivery_id`` is the same at every attempt. ``next_attempt_at``: while it is owed."""

    delivery_id: str
    destination_id: str
    kind: DestinationKind
    target: str
    occasion: DeliveryOccasion
    alarm_id: str
    name: str
    severity: str
    cluster: str | None
    reason: str
    state: DeliveryState
    attempts: int
    created_at: datetime
    claimed_at: datetime | None
    answered_at: datetime | None
    answer: str | None
    next_attempt_at: datetime | None
    history: list[AttemptBody]


class NewComment(RequestBody):
    """What somebody says about an alarm."""

    comment: Comment


class NewClearing(RequestBody):
    """Why somebody ends an alarm by hand."""

    reason: Comment


class StepBody(AnswerBody):
    """What a person, or time, did to an alarm."""

    step: Literal["acknowledged", "commented", "cleared_by_hand", "repeated", "escalated"]
    at: datetime
    by: str
    text: str | None
