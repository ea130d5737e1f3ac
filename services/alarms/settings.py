"""The alarms' settings."""

from pydantic import Field

from shared.kit.mail_settings import MailSettings
from shared.kit.settings import ServiceSettings


class AlarmsSettings(MailSettings, ServiceSettings):
    """When silence is an alarm, when quiet ends one, and how destinations are told."""

    watch_seconds: float = Field(default=2.0, gt=0)
    """How often it is looked whether the ledger still gives signs of life."""

    missed_heartbeats: float = Field(default=3.0, ge=1)
    """So many intervals of the ledger's heartbeat without one raise CiscoLicenseManagerDown."""

    start_up_grace_seconds: float = Field(default=30.0, gt=0)
    """How long after our own start the ledger may need for its first sign of life."""

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
