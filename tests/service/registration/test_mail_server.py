"""How the desk talks to its mail server: encrypted or not at all, as somebody, and without telling its secrets. Real servers."""

import asyncio
import io
import logging
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog

from services.registration.clients.mail_server import MailServer, UnusableMailServer, mail_server_of
from services.registration.domain.delivery import Delivery, Verdict
from services.registration.domain.license_file import LicenseFile
from services.registration.domain.mail import Letter, compose
from services.registration.domain.order import Order
from shared.kit.clock import TestClock
from shared.kit.logs import configure_logs
from shared.kit.mail_settings import MailSettings
from shared.kit.metrics import Metrics
from tests.house import RememberingBus, eventually, running
from tests.service.registration.desk import CALLER, EMAIL, MAC, Desk, desk_app
from tests.service.registration.mail_room import (
    MAIL_PASSWORD,
    SENDER,
    USERNAME,
    MailRoom,
    mail_room,
    only_the_desk,
    server_context,
)

NOW = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
FILE_ID = "20260314092653589"
ORDER = Order(
    1,
    "Example Ltd",
    EMAIL,
    "5.0",
    20,
    20000,
    "by_policy",
    None,
    "approved",
    "7K2M9QX4TB",
    True,
    20,
    20000,
    1,
    None,
    None,
    None,
    "a",
    NOW,
    "b",
    NOW,
)
FILE = LicenseFile(FILE_ID, 1, 1, 20, 20000, 1000, MAC, MAC, EMAIL, None, None, "0" * 64, "clerk", NOW, "A" * 16)


def letter(email: str = EMAIL, content: bytes = b"INCREMENT\r\nx\n.\n..\n\x00\xff") -> Letter:
    return Letter(Delivery(7, FILE_ID, email, "sending", 1, NOW, None, None, None, "clerk", NOW), ORDER, FILE, content)


def server_at(room: MailRoom, **changes: Any) -> MailServer:
    settings = MailSettings.model_validate({**room.settings, **changes})
    server = mail_server_of(settings)
    assert server is not None
    return server


async def handed_over(room: MailRoom, email: str = EMAIL, **changes: Any) -> Verdict:
    return await server_at(room, **changes).hand_over(compose(letter(email), SENDER))


def secured(folder: Path) -> dict[str, Any]:
    """What a desk has to be told to trust the server of ``server_context`` and to log in there."""
    return {"smtp_ca_file": folder / "ca.pem", "smtp_username": USERNAME, "smtp_password": MAIL_PASSWORD}


async def test_starttls_and_a_login_come_before_the_mail(tmp_path: Path) -> None:
    context = server_context(tmp_path)
    async with mail_room(tls_context=context, require_starttls=True, auth_required=True, authenticator=only_the_desk) as room:
        verdict = await handed_over(room, smtp_tls="starttls", **secured(tmp_path))
    assert verdict == Verdict("accepted", "250 2.0.0 Ok: queued as 4711")
    assert (room.encrypted, room.logins) == ([True], [USERNAME])
    assert room.attached() == (f"{FILE_ID}.lic", letter().content)


async def test_tls_from_the_first_byte(tmp_path: Path) -> None:
    context = server_context(tmp_path)
    async with mail_room(implicit_tls=context, auth_require_tls=False, authenticator=only_the_desk) as room:
        verdict = await handed_over(room, smtp_tls="tls", **secured(tmp_path))
    assert verdict.kind == "accepted"
    assert room.logins == [USERNAME]


async def test_nothing_is_said_in_the_clear_to_a_server_without_starttls() -> None:
    async with mail_room() as room:
        verdict = await handed_over(room, smtp_tls="starttls")
        assert verdict.kind == "not_now"
        assert "STARTTLS" in verdict.text
        assert room.tried == 0


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_server_that_nobody_vouches_for_gets_nothing(tmp_path: Path, tls: str) -> None:
    context = server_context(tmp_path)
    server = {"tls_context": context} if tls == "starttls" else {"implicit_tls": context}
    async with mail_room(**server) as room:
        verdict = await handed_over(room, smtp_tls=tls)
        assert verdict.kind == "not_now"
        assert "certificate verify failed" in verdict.text
        assert room.tried == 0


async def test_a_server_of_another_name_gets_nothing(tmp_path: Path) -> None:
    async with mail_room(tls_context=server_context(tmp_path, "mail.example")) as room:
        verdict = await handed_over(room, smtp_tls="starttls", smtp_ca_file=tmp_path / "ca.pem")
        assert verdict.kind == "not_now"
        assert "127.0.0.1" in verdict.text
        assert room.tried == 0


async def test_a_refused_login_is_no_word_about_the_mail_which_is_tried_again(tmp_path: Path) -> None:
    """The account is for the vendor to mend; given up, every mail of that day would have to be asked for again by hand."""
    context = server_context(tmp_path)
    async with mail_room(tls_context=context, auth_required=True, authenticator=only_the_desk) as room:
        verdict = await handed_over(room, smtp_tls="starttls", **{**secured(tmp_path), "smtp_password": "wrong"})
    assert verdict.kind == "not_now"
    assert verdict.text.startswith("535")
    assert room.mails == []


async def test_a_server_that_is_away_is_tried_again() -> None:
    async with mail_room() as room:
        gone = server_at(room)
    verdict = await gone.hand_over(compose(letter(), SENDER))
    assert verdict.kind == "not_now"
    assert str(room.port) in verdict.text


@pytest.mark.parametrize("host", ["mail..example.com", f"{'a' * 64}.example.com"])
async def test_a_server_of_a_name_that_no_machine_can_have_is_a_failed_attempt(room: MailRoom, host: str) -> None:
    """It says what is wrong, and ends one day; it does not stay on its way for ever."""
    verdict = await handed_over(room, smtp_host=host)
    assert (verdict.kind, "label empty or too long" in verdict.text) == ("not_now", True)


async def test_a_server_that_says_nothing_or_hangs_up_is_tried_again() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def rude(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    for behaviour, seconds, words in ((silent, 0.2, "did not answer in 0.2 s"), (rude, 20, "")):
        server = await asyncio.start_server(behaviour, "127.0.0.1", 0)
        async with server:
            room = MailRoom(port=server.sockets[0].getsockname()[1])
            verdict = await handed_over(room, smtp_timeout_seconds=seconds)
        assert verdict.kind == "not_now"
        assert verdict.text
        assert words in verdict.text


async def test_a_mail_that_was_taken_is_sent_though_the_good_bye_fails() -> None:
    """It would be sent a second time for nothing."""
    dialogue = [b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go on\r\n"]

    async def no_good_bye(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hi\r\n")
        for answer in dialogue:
            await reader.readline()
            writer.write(answer)
        while await reader.readline() != b".\r\n":
            pass
        writer.write(b"250 mine\r\n")
        await reader.readline()
        writer.transport.abort()

    server = await asyncio.start_server(no_good_bye, "127.0.0.1", 0)
    async with server:
        verdict = await handed_over(MailRoom(port=server.sockets[0].getsockname()[1]))
    assert verdict == Verdict("accepted", "250 mine")


async def test_an_address_beyond_ascii_needs_a_server_that_takes_it() -> None:
    async with mail_room() as room:
        assert (await handed_over(room, "jürgen@bücher.example")).kind == "accepted"
    assert room.recipients == ["jürgen@xn--bcher-kva.example"]
    assert room.message()["To"] == "jürgen@xn--bcher-kva.example"
    async with mail_room(enable_SMTPUTF8=False) as old:
        assert (await handed_over(old, "it@bücher.example")).kind == "accepted"
        refused = await handed_over(old, "jürgen@bücher.example")
    assert refused.kind == "refused"
    assert "SMTPUTF8" in refused.text
    assert old.recipients == ["it@xn--bcher-kva.example"]


async def test_neither_the_password_nor_an_address_stands_in_a_log_or_an_answer(
    database_url: str, tmp_path: Path, bus: RememberingBus, clock: TestClock, metrics: Metrics
) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logs(stream, logging.DEBUG)
    said: list[str] = []
    context = server_context(tmp_path)
    try:
        async with mail_room(tls_context=context, auth_required=True, authenticator=only_the_desk) as room:
            room.answers = [f"451 4.3.0 <{EMAIL}> later", f"550 <{EMAIL}> unknown"]
            settings = {**room.settings, "smtp_tls": "starttls", **secured(tmp_path)}
            app = desk_app(database_url, tmp_path, bus, clock, metrics, **settings)
            async with running(app) as client:
                client.headers.update(CALLER)
                desk = Desk(client, tmp_path)
                pak = await desk.pak(nodes=3, units=3000)
                for _ in range(3):
                    await desk.register(pak, nodes=1, units=1000)

                async def settled() -> bool:
                    items = (await client.get("/v1/deliveries")).json()["items"]
                    said.append(str(items))
                    return sorted(one["state"] for one in items) == ["failed", "given_up", "sent"]

                await eventually(settled, "one of each")
                said.append(repr(app.state.mail_server) + repr(app.state.settings))
    finally:
        root.handlers, root.level = handlers, level
        structlog.reset_defaults()
    logged = "\n".join(line for line in stream.getvalue().splitlines() if '"mail.log"' not in line)
    assert "license-file-given-up" in logged
    assert MAIL_PASSWORD not in logged + "".join(said)
    ours = [line for line in logged.splitlines() if "deliveries" in line]
    assert ours
    assert not [line for line in ours if EMAIL in line]


async def test_outcomes_are_counted_from_zero_on(
    database_url: str, tmp_path: Path, bus: RememberingBus, clock: TestClock, metrics: Metrics
) -> None:
    async with mail_room() as room:
        room.answers = ["550 no"]
        async with running(desk_app(database_url, tmp_path, bus, clock, metrics, **room.settings)) as client:
            desk = Desk(client, tmp_path)
            await desk.register(await desk.pak())

            async def counted() -> bool:
                text = (await metrics.exposition())[0].decode()
                return all(
                    f'license_file_deliveries_total{{outcome="{outcome}"}} {number}' in text
                    for outcome, number in (("sent", 0.0), ("failed", 0.0), ("given_up", 1.0))
                )

            await eventually(counted, "one is given up")


async def test_certificates_that_cannot_be_used_end_the_start_with_a_sentence(
    database_url: str, tmp_path: Path, bus: RememberingBus, clock: TestClock, metrics: Metrics
) -> None:
    settings = {"smtp_host": "mail.example", "smtp_sender": SENDER, "smtp_ca_file": tmp_path / "ca.pem"}
    with pytest.raises(UnusableMailServer, match=r"LICENSING_SMTP_CA_FILE cannot be read"):
        async with running(desk_app(database_url, tmp_path, bus, clock, metrics, **settings)):
            pass
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(UnusableMailServer, match="holds no certificates"):
        async with running(desk_app(database_url, tmp_path, bus, clock, metrics, **settings)):
            pass


def test_a_server_is_spoken_to_on_the_port_of_its_way() -> None:
    ports = {}
    for tls in ("none", "starttls", "tls"):
        server = mail_server_of(MailSettings.model_validate({"smtp_host": "mail.example", "smtp_sender": SENDER, "smtp_tls": tls}))
        assert server is not None
        assert (server.context is None) == (tls == "none")
        assert server.context is None or server.context.verify_mode is ssl.CERT_REQUIRED
        ports[tls] = server.port
    assert ports == {"none": 25, "starttls": 587, "tls": 465}
