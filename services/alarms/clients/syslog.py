"""A syslog server told: one datagram by UDP, or a connection of its own for each message by TCP (RFC 6587, octet counting) and TLS.

No syslog server ever answers. By TCP and TLS the message counts as told when the server has ended the connection after us, which it does
having read to the end: a server that is stuck, or cut the connection, is then known for what it is, and not taken for one that listened.
"""

import asyncio
import itertools
import socket
import ssl
from collections.abc import Iterator

from services.alarms.clients.attempt import DEFAULT_TIMEOUT_SECONDS, Attempt, attempt, connect, hang_up
from services.alarms.clients.datagram import send_datagram
from services.alarms.clients.names import Names
from services.alarms.clients.syslog_lines import LONGEST_DATAGRAM_BYTES, Origin, ciscolog, rfc5424
from services.alarms.domain.message import Message
from services.alarms.domain.receipt import DeliveryFailed
from services.alarms.domain.targets import SyslogTarget

_MOST_ANSWER_BYTES = 1024


class SyslogSender:
    """``numbers``: where CiscoLog's count goes on; it belongs to the process and not to a destination."""

    def __init__(
        self,
        target: SyslogTarget,
        names: Names,
        origin: Origin,
        numbers: Iterator[int] | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> None:
        self._target = target
        self._names = names
        self._origin = origin
        self._numbers = itertools.count() if numbers is None else numbers
        self._timeout = timeout_seconds

    async def send(self, message: Message) -> str:
        """What is known of its arrival. Raises DeliveryFailed."""
        line = self._line(message)
        async with attempt(self._timeout, f"looking up {self._target.host}") as now:
            addresses = await self._names.addresses(self._target.host)
            if self._target.transport == "udp":
                return await send_datagram(line, addresses, self._target.port, now)
            context = _tls_context(self._target.ca_pem) if self._target.transport == "tls" else None
            stream = await connect(addresses, self._target.port, now)
            return await self._tell(stream, context, line, now)

    def _line(self, message: Message) -> bytes:
        if self._target.format == "ciscolog":
            return ciscolog(message, self._origin, next(self._numbers))
        return rfc5424(message, self._origin, LONGEST_DATAGRAM_BYTES if self._target.transport == "udp" else None)

    async def _tell(self, stream: socket.socket, context: ssl.SSLContext | None, line: bytes, now: Attempt) -> str:
        if context is not None:
            now.doing = f"greeting {self._target.shown}"
        reader, writer = await _streams(stream, context, self._target.host)
        try:
            now.doing = f"telling {self._target.shown}"
            writer.write(b"%d %s" % (len(line), line))
            await writer.drain()
            now.doing = f"told {self._target.shown}, but it has not ended the connection after us, so whether it listened is not known"
            await _end(reader, writer, context)
        finally:
            writer.transport.abort()
        return f"sent over {self._target.transport.upper()}, {len(line)} bytes; the receiver read to the end and confirms nothing else"


async def _streams(stream: socket.socket, context: ssl.SSLContext | None, host: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        if context is None:
            return await asyncio.open_connection(sock=stream)
        return await asyncio.open_connection(sock=stream, ssl=context, server_hostname=host)
    except BaseException:
        hang_up(stream)
        raise


async def _end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext | None) -> None:
    """Say that no more comes, and wait for the other side to say so too."""
    if context is not None:  # TLS knows no half-closed connection: closing waits for the receiver's own close
        writer.close()
        await writer.wait_closed()
        return
    writer.write_eof()
    answer = await reader.read(_MOST_ANSWER_BYTES)
    if answer:
        raise DeliveryFailed(f"this is no syslog server, it answered: {answer.decode('latin-1')}")


def _tls_context(ca_pem: str | None) -> ssl.SSLContext:
    """The receiver's certificate is checked, its name too. Raises DeliveryFailed for authorities that cannot be read."""
    try:
        context = ssl.create_default_context(cadata=ca_pem)
    except (ssl.SSLError, ValueError) as error:
        raise DeliveryFailed(f"ca_pem holds no certificate that can be read: {error}", gone=True) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
