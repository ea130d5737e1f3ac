"""A mail server (aiosmtpd) told over STARTTLS, and mail servers that refuse, hang, cut, or show a wrong certificate."""

import asyncio
from email.message import EmailMessage
from pathlib import Path

import pytest

from services.alarms.clients import MailServer
from services.alarms.domain.receipt import DeliveryFailed
from services.alarms.domain.targets import parse_target
from tests.receivers.broken import Behaviour, broken, chatter, hang, slam, slow_mail
from tests.receivers.certificates import Authority
from tests.receivers.mailbox import Mailbox, mailbox
from tests.receivers.messages import all_seven, raised
from tests.service.alarms.channels.conftest import NAME, Opened, patience

OPERATOR = parse_target("email", "mailto:operator@example.com", {})
SENDER = "Licensing <licensing@example.com>"


def server_of(box: Mailbox, authority: Authority, password: str = "correct horse") -> MailServer:
    return MailServer(NAME, box.port, SENDER, "starttls", "licensing", password, str(authority.file))


async def test_all_seven_arrive_raised_and_cleared_with_their_severity(mail_server: Mailbox, authority: Authority, opened: Opened) -> None:
    async with opened(mail=server_of(mail_server, authority)) as channels:
        for message in all_seven():
            assert await channels.to(OPERATOR).send(message) == "250 2.0.0 OK: queued as 7K2M9"
            letter = mail_server.letters[-1]
            assert letter["Subject"] == message.headline
            assert (letter["From"], letter["To"]) == (SENDER, "operator@example.com")
            assert letter["Message-ID"] == f"<{message.delivery_id}@example.com>"
            assert letter["References"] == letter["In-Reply-To"] == f"<alarm.{message.alarm_id}@example.com>"
            assert letter["Auto-Submitted"] == "auto-generated"
            assert f"Severity:     {message.severity} ({message.level};" in letter.get_content()
            assert ("This alarm is over." in letter.get_content()) is (message.occasion == "cleared")
    assert mail_server.secured == [True] * 14
    assert set(mail_server.logins) == {"licensing"}


async def test_a_mail_stands_alone(mail_server: Mailbox, authority: Authority, opened: Opened) -> None:
    message = raised(stage="major")
    async with opened(mail=server_of(mail_server, authority)) as channels:
        await channels.to(OPERATOR).send(message)
    text = mail_server.letters[0].get_content()
    for said in (
        message.reason,
        message.recommended_action,
        "major",
        "headquarters/PHONE_UNIT",
        "2026-11-24 14:53:55 UTC",
        "3 times",
        str(message.alarm_id),
        f"POST https://licensing.test/v1/alarms/{message.alarm_id}/acknowledgement",
    ):
        assert said in text


async def test_a_repetition_has_the_same_id(mail_server: Mailbox, authority: Authority, opened: Opened) -> None:
    message = raised()
    async with opened(mail=server_of(mail_server, authority)) as channels:
        await channels.to(OPERATOR).send(message)
        await channels.to(OPERATOR).send(message)
    first, second = mail_server.letters
    assert first["Message-ID"] == second["Message-ID"]


async def test_no_text_adds_a_header_or_a_line_of_its_own(mail_server: Mailbox, authority: Authority, opened: Opened) -> None:
    evil = "ok\r\nBcc: everybody@example.com\r\n\r\n.\r\nMAIL FROM:<x@example.com>"
    message = raised(reason=evil, cluster=evil, subject=evil, recommended_action=evil)
    async with opened(mail=server_of(mail_server, authority)) as channels:
        await channels.to(OPERATOR).send(message)
    (letter,) = mail_server.letters
    assert letter["Bcc"] is None
    assert "Bcc: everybody@example.com" in letter["Subject"]
    assert not [line for line in letter.get_content().splitlines() if line.startswith((".", "MAIL FROM", "Bcc"))]


@pytest.mark.parametrize(
    ("member", "answer", "gone"),
    [
        ("rcpt", "550 5.1.1 no such mailbox", True),
        ("rcpt", "451 4.7.1 greylisted, come back later", False),
        ("rcpt", "530 5.7.0 authenticate first", False),
        ("data", "554 5.7.1 not wanted here", True),
        ("data", "452 4.3.1 no room", False),
    ],
)
async def test_a_refusal_says_the_servers_words(
    mail_server: Mailbox, authority: Authority, opened: Opened, member: str, answer: str, gone: bool
) -> None:
    setattr(mail_server, member, answer)
    async with opened(mail=server_of(mail_server, authority)) as channels:
        with pytest.raises(DeliveryFailed) as failed:
            await channels.to(OPERATOR).send(raised())
    assert failed.value.answer == f"telling {NAME}: {answer}"
    assert failed.value.gone is gone
    assert not mail_server.letters


async def test_a_wrong_password(mail_server: Mailbox, authority: Authority, opened: Opened) -> None:
    async with opened(mail=server_of(mail_server, authority, "wrong horse")) as channels:
        with pytest.raises(DeliveryFailed, match=r"logging in at receiver\.test: 535") as failed:
            await channels.to(OPERATOR).send(raised())
    assert not failed.value.gone
    assert "wrong horse" not in failed.value.answer


@pytest.mark.parametrize(
    ("names", "days", "why"),
    [(("other.test",), 1, "not accepted: Hostname mismatch"), ((NAME,), -1, "not accepted: certificate has expired")],
)
async def test_a_wrong_certificate(authority: Authority, opened: Opened, names: tuple[str, ...], days: int, why: str) -> None:
    async with mailbox(authority.serving(*names, days=days)) as box:
        async with opened(mail=server_of(box, authority)) as channels:
            with pytest.raises(DeliveryFailed, match=why):
                await channels.to(OPERATOR).send(raised())
        assert not box.letters


async def test_a_server_without_starttls_is_told_nothing(authority: Authority, opened: Opened) -> None:
    async with mailbox() as box:
        async with opened(mail=server_of(box, authority)) as channels:
            with pytest.raises(DeliveryFailed, match=r"(?i)starttls"):
                await channels.to(OPERATOR).send(raised())
        assert not box.letters


async def test_without_tls_where_that_is_what_is_set(opened: Opened) -> None:
    async with mailbox() as box:
        async with opened(mail=MailServer(NAME, box.port, SENDER, "none")) as channels:
            assert (await channels.to(OPERATOR).send(raised())).startswith("250 ")
        assert box.secured == [False]
        assert isinstance(box.letters[0], EmailMessage)


async def test_tls_from_the_first_byte(authority: Authority, opened: Opened) -> None:
    async def greets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"554 5.3.2 closed for today\r\n")
        await writer.drain()
        await reader.read()

    async with broken(greets, authority.serving(NAME)) as port:
        server = MailServer(NAME, port, SENDER, "tls", ca_file=str(authority.file))
        async with opened(mail=server) as channels:
            with pytest.raises(DeliveryFailed, match=r"554 5\.3\.2 closed for today") as failed:
                await channels.to(OPERATOR).send(raised())
    assert not failed.value.gone


@pytest.mark.parametrize(
    ("behaviour", "why"),
    [
        (hang, "no end within 0.5 s"),
        (slow_mail, "no end within 0.5 s"),
        (slam, r"greeting receiver\.test:\d+: the receiver ended the connection"),
        (chatter, "greeting receiver.test:"),
    ],
)
async def test_what_is_no_mail_server(opened: Opened, behaviour: Behaviour, why: str) -> None:
    async with broken(behaviour) as port:
        server = MailServer(NAME, port, SENDER, "none")
        async with opened(mail=server, timeout_seconds=patience(behaviour)) as channels:
            with pytest.raises(DeliveryFailed, match=why) as failed:
                await channels.to(OPERATOR).send(raised())
    assert "\x1b" not in failed.value.answer


async def test_nobody_listens_no_name_no_certificates_no_server(opened: Opened, folder: Path) -> None:
    cases = [
        (MailServer(NAME, 1, SENDER, "none"), r"connecting to 127\.0\.0\.1:1: connection refused"),
        (MailServer("elsewhere.test", 25, SENDER, "none"), r"the name elsewhere\.test cannot be resolved"),
        (MailServer(NAME, 25, SENDER, ca_file=str(folder / "nowhere.pem")), "reading the certificates of receiver.test:25: No such file"),
        (None, "this installation has no mail server, set LICENSING_SMTP_HOST"),
    ]
    for server, why in cases:
        async with opened(mail=server) as channels:
            with pytest.raises(DeliveryFailed, match=why):
                await channels.to(OPERATOR).send(raised())
