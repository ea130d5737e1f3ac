"""An operator told by mail, through the installation's mail server."""

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import parseaddr
from typing import Literal

import aiosmtplib

from services.alarms.clients.attempt import DEFAULT_TIMEOUT_SECONDS, Attempt, attempt, connect, explain, hang_up
from services.alarms.clients.mail_text import mail
from services.alarms.clients.names import Names
from services.alarms.domain.message import Message
from services.alarms.domain.receipt import DeliveryFailed
from services.alarms.domain.targets import EmailTarget, authority

_OF_OUR_ACCOUNT = {530, 534, 535, 538}
"""Codes about logging in: with the right password the same mail would be taken."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """``sender``: a bare address or ``Name <address>``. ``ca_file``: certificates in PEM that the server's is checked against.

    Without one those of the machine count.

    Raises ValueError for a sender that is no address, and for a password that would go over an open line.
    """

    host: str
    port: int
    sender: str
    tls: Literal["none", "starttls", "tls"] = "starttls"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None

    def __post_init__(self) -> None:
        if "@" not in parseaddr(self.sender)[1] or not self.sender.isprintable():
            raise ValueError(f"the sender of mails must be an address, as licensing@example.com, and is {self.sender!r}")
        if (self.username is None) != (self.password is None):
            raise ValueError("a mail server wants both a user name and a password, or neither")
        if self.password is not None and self.tls == "none":
            raise ValueError("a password for the mail server goes over TLS only: use starttls or tls")


class MailSender:
    """``host``: how this machine names itself. ``public_url``: where this installation is reached, for the link in the mail."""

    def __init__(
        self,
        target: EmailTarget,
        server: MailServer,
        names: Names,
        host: str,
        public_url: str | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> None:
        self._target = target
        self._server = server
        self._names = names
        self._host = host
        self._public_url = public_url
        self._timeout = timeout_seconds

    async def send(self, message: Message) -> str:
        """The mail server's answer. Raises DeliveryFailed."""
        server = self._server
        async with attempt(self._timeout, f"looking up {server.host}") as now:
            addresses = await self._names.addresses(server.host)
            where = authority(server.host, server.port)
            now.doing = f"reading the certificates of {where}"
            context = None if server.tls == "none" else _tls_context(server.ca_file)
            stream = await connect(addresses, server.port, now)
            now.doing = f"greeting {where}"
            async with self._connected(stream, context, now) as smtp:
                return await self._tell(smtp, message, now)

    async def _tell(self, smtp: aiosmtplib.SMTP, message: Message, now: Attempt) -> str:
        server = self._server
        if server.username is not None and server.password is not None:
            now.doing = f"logging in at {server.host}"
            await smtp.login(server.username, server.password)
        now.doing = f"telling {server.host}"
        await smtp.mail(parseaddr(server.sender)[1])
        await smtp.rcpt(self._target.address)
        answer = await smtp.data(mail(message, server.sender, self._target.address, self._public_url))
        return f"{answer.code} {answer.message}"

    @asynccontextmanager
    async def _connected(self, stream: socket.socket, context: ssl.SSLContext | None, now: Attempt) -> AsyncIterator[aiosmtplib.SMTP]:
        """Raises DeliveryFailed instead of what the library raises."""
        smtp = aiosmtplib.SMTP(
            hostname=self._server.host,
            local_hostname=self._host,
            use_tls=self._server.tls == "tls",
            start_tls=self._server.tls == "starttls",
            tls_context=context,
            timeout=None,
        )
        try:
            await smtp.connect(sock=stream)
            yield smtp
        except aiosmtplib.SMTPException as error:
            raise _failure(error, now) from error
        finally:
            smtp.close()
            hang_up(stream)


def _failure(error: aiosmtplib.SMTPException, now: Attempt) -> DeliveryFailed:
    """A refusal of the recipient or the mail is for good with a code from 500 on; everything else may be better next time."""
    if isinstance(error, aiosmtplib.SMTPResponseException):
        about_it = isinstance(error, aiosmtplib.SMTPRecipientRefused | aiosmtplib.SMTPDataError)
        gone = about_it and error.code >= 500 and error.code not in _OF_OUR_ACCOUNT
        return DeliveryFailed(f"{now.doing}: {error.code} {error.message}", gone=gone)
    cause = error.__cause__ or error.__context__
    if isinstance(error, aiosmtplib.SMTPServerDisconnected) or isinstance(cause, aiosmtplib.SMTPServerDisconnected):
        return DeliveryFailed(f"{now.doing}: the receiver ended the connection")
    return DeliveryFailed(f"{now.doing}: {explain(cause) if isinstance(cause, OSError) else error.message}")


def _tls_context(ca_file: str | None) -> ssl.SSLContext:
    """The server's certificate is checked, its name too. Raises OSError for a file that cannot be read."""
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
