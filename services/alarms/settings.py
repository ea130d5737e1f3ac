"""The alarms' settings."""

import re
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from shared.kit.mail_settings import MailSettings
from shared.kit.settings import ServiceSettings

_ADDRESS = re.compile(r"http://[^/\s,=]+")
_NAME = re.compile(r"[a-z][a-z0-9-]*")


class AlarmsSettings(MailSettings, ServiceSettings):
    """When silence is an alarm, when quiet ends one, and how destinations are told."""

    watch_seconds: float = Field(default=2.0, gt=0)
    """How often it is looked whether the ledger still gives signs of life."""

    missed_heartbeats: float = Field(default=3.0, ge=1)
    """So many intervals of the ledger's heartbeat without one raise CiscoLicenseManagerDown."""

    alarms_watched: Annotated[dict[str, tuple[str, ...]], NoDecode] = Field(default_factory=dict)
    """Who is asked whether it is there: ``ledger=http://a:8000,http://b:8000 licensefile=http://c:8000``, commas or blanks between.

    Of several addresses of one name one that answers is enough. The broker is watched in any case.
    """

    missed_looks: int = Field(default=3, ge=1)
    """So many looks in a row without an answer raise an alarm for what is watched."""

    start_up_grace_seconds: float = Field(default=30.0, gt=0)
    """How long after our own start the ledger, and what is watched, may need for the first sign of life."""

    quiet_check_seconds: float = Field(default=30.0, gt=0)
    """How often it is looked which alarms end by having been quiet for long enough."""

    request_failed_quiet_seconds: float = Field(default=86_400.0, gt=0)
    """CiscoLicenseRequestFailed ends after this long without another refusal, room or no room."""

    internal_error_quiet_seconds: float = Field(default=3_600.0, gt=0)
    """CiscoLicenseInternalError ends after this long without another one of the same service."""

    repeat_hours: float = Field(default=24.0, gt=0)
    """A standing alarm is told again after so long."""

    escalation_check_seconds: float = Field(default=5.0, gt=0)
    """How often it is looked which alarms nobody acknowledged in time."""

    alarms_allow_private_targets: bool = False
    """Webhooks may go to private addresses, and over plain http."""

    alarms_public_url: str | None = None
    """Where people reach this installation, for the links in mails."""

    delivery_places: int = Field(default=4, ge=1, le=64)
    """So many deliveries are under way at once for one destination, in one process."""

    delivery_seconds: float = Field(default=10.0, gt=0, le=60)
    """How long a receiver may take for one delivery."""

    delivery_poll_seconds: float = Field(default=1.0, gt=0)
    """How often it is looked for deliveries whose time has come."""

    delivery_history_days: int = Field(default=90, ge=1)
    """How long deliveries are kept that are over."""

    stream_beat_seconds: float = Field(default=15.0, gt=0)
    """How often listeners of the stream are shown that the line stands, where nothing happens."""

    stream_poll_seconds: float = Field(default=1.0, gt=0)
    """How often a process looks for changes that another one made."""

    stream_listeners: int = Field(default=2_000, ge=1)
    """So many may listen in one process."""

    stream_history_hours: float = Field(default=72.0, gt=0)
    """For how long a listener may come back and be told what it missed."""

    alarm_history_days: int = Field(default=400, ge=1)
    """How long cleared alarms are kept."""

    @field_validator("alarms_watched", mode="before")
    @classmethod
    def _addresses(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        found: dict[str, tuple[str, ...]] = {}
        name = ""
        for part in re.split(r"[\s,]+", given.strip()) if given.strip() else ():
            named, equals, address = part.rpartition("=")
            name = named if equals else name
            if name == "broker" or not _NAME.fullmatch(name) or not _ADDRESS.fullmatch(address):
                raise ValueError("must be like ledger=http://a:8000,http://b:8000 licensefile=http://c:8000; the broker always is")
            found[name] = (*found.get(name, ()), address)
        return found
