"""A real SMTP server on loopback, which takes, refuses, hangs and hangs up as a test wants; and a desk that sends to it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.house import eventually
from tests.service.registration.desk import Desk

SENDER = "licenses@vendor.example"
Open = Callable[..., AbstractAsyncContextManager[Desk]]
"""Opens a desk with these settings; several times in one test it is the same desk, started again."""

USERNAME, MAIL_PASSWORD = "desk", "correct mail horse"


@dataclass
class MailRoom:
    """What the server does, and what it got. ``answers``: to RCPT, one after the other, then 250. At DATA it hangs with the mail."""

    port: int = 0
    mails: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    logins: list[str | None] = field(default_factory=list)
    tried: int = 0
    answers: list[str] = field(default_factory=list)
    data_answer: str = "250 2.0.0 Ok: queued as 4711"
    hangs_at: Literal["RCPT", "DATA"] | None = None
    hangs_up_after_data: bool = False
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def settings(self) -> dict[str, Any]:
        """A desk's settings for this server, in the clear."""
        return {"smtp_host": "127.0.0.1", "smtp_port": self.port, "smtp_tls": "none", "smtp_sender": SENDER}

    def message(self, number: int = -1) -> EmailMessage:
        """A mail as the standard library reads it."""
        read = message_from_bytes(self.mails[number], policy=default)
        assert isinstance(read, EmailMessage)
        assert not read.defects
        return read

    def attached(self, number: int = -1) -> tuple[str, bytes]:
        """Name and bytes of the file in a mail."""
        (one,) = self.message(number).iter_attachments()
        content = one.get_content()
        assert isinstance(content, bytes)
        return str(one.get_filename()), content

    async def got(self, count: int = 1) -> None:
        """Wait until ``count`` mails are there."""

        async def look() -> bool:
            return len(self.mails) >= count

        await eventually(look, f"{count} mails")

    async def was_tried(self, count: int) -> None:
        """Wait until the server was asked to take a mail ``count`` times."""

        async def look() -> bool:
            return self.tried >= count

        await eventually(look, f"{count} attempts")

    async def handle_RCPT(  # noqa: N802 -- the server's form
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.tried += 1
        if self.hangs_at == "RCPT":
            await self.let_go.wait()
        if self.answers:
            return self.answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.data_answer.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.mails.append(envelope.content)
            self.recipients += envelope.rcpt_tos
            self.encrypted.append(session.ssl is not None)
            self.logins.append(session.auth_data.decode() if isinstance(session.auth_data, bytes) else None)
        if self.hangs_at == "DATA":
            await self.let_go.wait()
        if self.hangs_up_after_data:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return self.data_answer


@asynccontextmanager
async def mail_room(**server: Any) -> AsyncIterator[MailRoom]:
    """A server that listens; ``server``: what aiosmtpd's SMTP takes. ``implicit_tls``: a context, to speak TLS from the first byte."""
    room = MailRoom()
    loop = asyncio.get_running_loop()
    implicit_tls: ssl.SSLContext | None = server.pop("implicit_tls", None)
    options = {"enable_SMTPUTF8": True, "hostname": "mail.example", **server}
    listening = await loop.create_server(lambda: SMTP(room, loop=loop, **options), "127.0.0.1", 0, ssl=implicit_tls)
    room.port = listening.sockets[0].getsockname()[1]
    try:
        yield room
    finally:
        room.let_go.set()
        listening.close()
        await listening.wait_closed()


def only_the_desk(_server: SMTP, _session: Session, _envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    """An authenticator: one account, one password."""
    assert isinstance(data, LoginPassword)
    good = (data.login, data.password) == (USERNAME.encode(), MAIL_PASSWORD.encode())
    return AuthResult(success=good, handled=good, auth_data=data.login)


def server_context(folder: Path, name: str = "127.0.0.1") -> ssl.SSLContext:
    """TLS for a server called ``name``; the certificate that vouches for it is left in ``folder/ca.pem``."""
    key = generate_private_key(SECP256R1())
    called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    alternative = x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(called)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    (folder / "ca.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context


async def deliveries(desk: Desk, **chosen: str) -> list[dict[str, Any]]:
    answer = await desk.http.get("/v1/deliveries", params=chosen)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def until(desk: Desk, state: str, **chosen: str) -> dict[str, Any]:
    """Wait until a delivery is in this state; the youngest that is."""

    async def look() -> list[dict[str, Any]]:
        return await deliveries(desk, state=state, **chosen)

    return (await eventually(look, f"a delivery that is {state}"))[-1]
