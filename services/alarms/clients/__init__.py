"""Whom we tell: one way of telling for each kind of destination, behind one door.

Nothing here knows of rows, claims or retries. Each call is one attempt, bounded in time, and no attempt waits for another.
"""

import itertools
import os
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Protocol

from services.alarms.clients.attempt import DEFAULT_TIMEOUT_SECONDS
from services.alarms.clients.mail import MailSender, MailServer
from services.alarms.clients.names import Lookup, Names, look_up
from services.alarms.clients.snmp import SnmpSender
from services.alarms.clients.syslog import SyslogSender
from services.alarms.clients.syslog_lines import Origin
from services.alarms.clients.webhook import WebhookClient, WebhookSender
from services.alarms.domain.message import Message
from services.alarms.domain.reach import Guard
from services.alarms.domain.receipt import DeliveryFailed
from services.alarms.domain.targets import EmailTarget, SnmpTarget, SyslogTarget, Target

__all__ = ["Channels", "MailServer", "Sender"]


class Sender(Protocol):
    """One receiver."""

    async def send(self, message: Message) -> str:
        """One attempt; returns the receiver's answer in words. Raises DeliveryFailed, and within the time it was given."""


class _NoMailServer:
    async def send(self, message: Message) -> str:
        raise DeliveryFailed(f"{message.name} cannot go by mail: this installation has no mail server, set LICENSING_SMTP_HOST")


class Channels:
    """Everything the ways of telling share; made once, ended by ``aclose``. Senders are cheap and hold nothing: make one for each attempt.

    ``webhook_tls``: None checks webhooks against the certificates of the machine. ``host``: how receivers know this machine.
    """

    def __init__(
        self,
        guard: Guard,
        mail: MailServer | None = None,
        *,
        public_url: str | None = None,
        host: str | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        webhook_tls: ssl.SSLContext | None = None,
        lookup: Lookup = look_up,
    ) -> None:
        self._mail = mail
        self._public_url = public_url
        self._origin = Origin(host or socket.gethostname(), os.getpid())
        self._timeout = timeout_seconds
        self._names = Names(lookup)
        self._numbers: Iterator[int] = itertools.count()
        self._started_at = datetime.now(UTC)
        self._webhooks = WebhookClient(self._names, guard, webhook_tls)

    def to(self, target: Target) -> Sender:
        """Who tells this target."""
        if isinstance(target, SyslogTarget):
            return SyslogSender(target, self._names, self._origin, self._numbers, self._timeout)
        if isinstance(target, SnmpTarget):
            return SnmpSender(target, self._names, self._started_at, self._timeout)
        if isinstance(target, EmailTarget):
            if self._mail is None:
                return _NoMailServer()
            return MailSender(target, self._mail, self._names, self._origin.name, self._public_url, self._timeout)
        return WebhookSender(target, self._webhooks, self._timeout)

    async def aclose(self) -> None:
        await self._webhooks.aclose()
