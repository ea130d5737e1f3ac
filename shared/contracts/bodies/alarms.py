"""Bodies of the alarms."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from shared.contracts.base import AnswerBody, RequestBody

AlarmNameWord = Literal[
    "CiscoLicenseManagerDown",
    "CiscoLicenseOverDraft",
    "CiscoLicenseRequestFailed",
    "CiscoLicenseDataStoreError",
    "CiscoLicenseInternalError",
    "CiscoLicenseFileError",
    "CiscoLicenseApproachingLimit",
]
"""The names by which a listing can be asked for; the catalogue explains them."""

AlarmState = Literal["active", "acknowledged", "cleared"]
"""``acknowledged`` stands as ``active`` does, and somebody looks after it."""

Comment = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]+$")]
"""Text of a person, lines allowed, no other control characters."""


class AlarmBody(AnswerBody):
    """An alarm. ``level`` is syslog's number of ``severity``; ``count`` says how often it was seen since ``raised_at``."""

    alarm_id: str
    name: str = Field(examples=["CiscoLicenseOverDraft"])
    severity: str = Field(examples=["alert"])
    level: int = Field(examples=[1])
    cluster: str | None = Field(description="Null where the alarm is about no cluster.")
    subject: str = Field(examples=["headquarters/PHONE_UNIT"], description="A pool, a cluster or a service.")
    reason: str
    recommended_action: str
    state: AlarmState
    raised_at: datetime
    last_seen_at: datetime
    count: int
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    comment: str | None = None
    cleared_at: datetime | None = None
    stage: str | None = Field(
        default=None, description="How long an overdraft has lasted: notice, minor, major or critical; beside the severity."
    )


class NewAcknowledgement(RequestBody):
    """Somebody looks after the alarm, and may say how."""

    comment: Comment | None = None


class CatalogueAlarm(AnswerBody):
    """What an alarm means and what to do."""

    name: str
    severity: str
    level: int
    meaning: str
    recommended_action: str
