"""From a destination as it is kept to one that can be told, under the settings of this installation."""

from collections.abc import Mapping
from typing import Any

from services.alarms.clients import Channels, MailServer
from services.alarms.domain.destination import Destination
from services.alarms.domain.message import Message
from services.alarms.domain.reach import Guard
from services.alarms.domain.targets import Target, parse_target
from services.alarms.settings import AlarmsSettings
from shared.kit.clock import Clock

_PORTS = {"none": 25, "starttls": 587, "tls": 465}


class Ways:
    """The ways to all destinations of one process."""

    def __init__(self, settings: AlarmsSettings, clock: Clock) -> None:
        self._clock = clock
        self._channels = Channels(
            Guard(settings.alarms_allow_private_targets),
            mail_server_of(settings),
            public_url=settings.alarms_public_url,
            timeout_seconds=settings.delivery_seconds,
        )

    async def send(self, destination: Destination, message: Message) -> str:
        """One attempt; the receiver's answer. Raises DeliveryFailed."""
        return await self._channels.to(target_of(destination, self._clock)).send(message)

    async def close(self) -> None:
        await self._channels.aclose()


def target_of(destination: Destination, clock: Clock) -> Target:
    """Where it goes, signed with the secrets that count now."""
    options: Mapping[str, Any] = destination.options
    if destination.kind == "webhook":
        options = {"secrets": list(destination.secrets_at(clock.now()))}
    return parse_target(destination.kind, destination.target, options)


def mail_server_of(settings: AlarmsSettings) -> MailServer | None:
    """None where no mail is sent."""
    if settings.smtp_host is None:
        return None
    assert settings.smtp_sender is not None  # the settings do not come without
    password = settings.smtp_password
    return MailServer(
        host=settings.smtp_host,
        port=settings.smtp_port or _PORTS[settings.smtp_tls],
        sender=settings.smtp_sender,
        tls=settings.smtp_tls,
        username=settings.smtp_username,
        password=password.get_secret_value() if password is not None else None,
        ca_file=str(settings.smtp_ca_file) if settings.smtp_ca_file is not None else None,
    )
