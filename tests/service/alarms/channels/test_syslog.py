"""Debian's rsyslogd told by UDP, TCP and TLS, in both forms; and syslog servers that hang, cut, or are none."""

import asyncio
import json
import signal

import pytest

from services.alarms.domain.catalogue import AlarmName
from services.alarms.domain.receipt import DeliveryFailed
from services.alarms.domain.targets import parse_target
from tests.receivers.broken import Behaviour, broken, chatter, hang, reset
from tests.receivers.certificates import Authority
from tests.receivers.messages import all_seven, cleared, raised
from tests.receivers.rsyslog import Rsyslog
from tests.service.alarms.channels.conftest import NAME, Opened, patience

LOCAL7 = 23


def options(server: Rsyslog, transport: str) -> dict[str, str]:
    return {"ca_pem": server.authority.pem} if transport == "tls" else {}


def localhost(host: str) -> list[str]:
    return ["127.0.0.1"]


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_all_seven_arrive_raised_and_cleared_with_their_severity(syslog_server: Rsyslog, opened: Opened, transport: str) -> None:
    target = parse_target("syslog", getattr(syslog_server, transport), options(syslog_server, transport))
    async with opened(lookup=localhost) as channels:
        for message in all_seven():
            answer = await channels.to(target).send(message)
            assert answer.startswith("sent as UDP datagram" if transport == "udp" else f"sent over {transport.upper()}")
            line = await syslog_server.line(str(message.delivery_id))
            assert line["pri"] == LOCAL7 * 8 + (6 if message.occasion == "cleared" else message.level)
            assert (line["by"], line["app"], line["msgid"], line["host"]) == (transport, "licensing-alarms", message.name, "ledger-1.test")
            assert f'occasion="{message.occasion}"' in line["data"]
            assert message.headline in line["msg"]


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_the_vendors_form_arrives_as_it_is_documented(syslog_server: Rsyslog, opened: Opened, transport: str) -> None:
    chosen = {**options(syslog_server, transport), "format": "ciscolog"}
    target = parse_target("syslog", getattr(syslog_server, transport), chosen)
    async with opened(lookup=localhost) as channels:
        for number, message in enumerate((raised(), cleared())):
            await channels.to(target).send(message)
            line = await syslog_server.line(f"deliveryId={message.delivery_id}")
            name = "CiscoLicenseOverDraft" if number == 0 else "CiscoLicenseOverDraftCleared"
            begins = (
                f"<{LOCAL7 * 8 + message.urgency}>{number}: ledger-1.test: Nov 24 2026 14:53:55.655 UTC: %UC_LICENSE-{message.urgency}-"
            )
            assert line["raw"].startswith(f"{begins}{name}: %[")
            assert line["raw"].count("]: ") == 1


async def test_what_is_long_is_cut_in_a_datagram_only(syslog_server: Rsyslog, opened: Opened) -> None:
    reason = "größer " * 500
    async with opened(lookup=localhost) as channels:
        for target, whole in ((syslog_server.udp, False), (syslog_server.tcp, True)):
            message = raised(reason=reason)
            await channels.to(parse_target("syslog", target, {})).send(message)
            line = await syslog_server.line(str(message.delivery_id))
            assert (reason in line["msg"]) is whole
            assert line["msg"].endswith("[cut at 2048 bytes]") is not whole


async def test_two_lines_on_one_moment_are_two_messages_by_octet_counting(syslog_server: Rsyslog, opened: Opened) -> None:
    """The text holds what other framings take for an end."""
    messages = [raised(reason=f"line one\nline two\r\n{number}") for number in range(8)]
    async with opened() as channels:
        sender = channels.to(parse_target("syslog", syslog_server.tcp, {}))
        await asyncio.gather(*(sender.send(message) for message in messages))
    for message in messages:
        line = await syslog_server.line(str(message.delivery_id))
        assert "line one line two" in line["msg"]
        assert json.dumps(line["msg"]).count("CiscoLicenseOverDraft") == 1


async def test_a_server_that_is_stuck_is_known_for_it(syslog_server: Rsyslog, opened: Opened) -> None:
    """The system takes the connection and the bytes for it; only the end that does not come tells."""
    syslog_server.process.send_signal(signal.SIGSTOP)
    try:
        async with opened(timeout_seconds=1) as channels:
            with pytest.raises(DeliveryFailed, match=r"has not ended the connection after us.*no end within 1 s"):
                await channels.to(parse_target("syslog", syslog_server.tcp, {})).send(raised())
    finally:
        syslog_server.process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize(
    ("behaviour", "why"),
    [
        (hang, "no end within 0.5 s"),
        (reset, "reset by the receiver"),
        (chatter, r"no syslog server, it answered: SSH-2\.0-something \[31m else$"),
    ],
)
async def test_what_is_no_syslog_server(opened: Opened, behaviour: Behaviour, why: str) -> None:
    async with broken(behaviour) as port, opened(timeout_seconds=patience(behaviour)) as channels:
        with pytest.raises(DeliveryFailed, match=why) as failed:
            await channels.to(parse_target("syslog", f"tcp://127.0.0.1:{port}", {})).send(raised())
    assert not failed.value.gone


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_nobody_listens(opened: Opened, transport: str) -> None:
    async with broken(hang) as port:
        pass
    async with opened() as channels:
        with pytest.raises(DeliveryFailed, match=rf"127\.0\.0\.1:{port}: connection refused"):
            await channels.to(parse_target("syslog", f"{transport}://127.0.0.1:{port}", {})).send(raised())


@pytest.mark.parametrize(
    ("names", "days", "why"),
    [
        (("other.test",), 1, "not accepted: Hostname mismatch, certificate is not valid for 'receiver.test'"),
        ((NAME,), -1, "not accepted: certificate has expired"),
    ],
)
async def test_a_wrong_certificate(opened: Opened, authority: Authority, names: tuple[str, ...], days: int, why: str) -> None:
    async with broken(hang, authority.serving(*names, days=days)) as port, opened() as channels:
        target = parse_target("syslog", f"tls://{NAME}:{port}", {"ca_pem": authority.pem})
        with pytest.raises(DeliveryFailed, match=why):
            await channels.to(target).send(raised())


async def test_an_authority_that_is_not_trusted(syslog_server: Rsyslog, opened: Opened, authority: Authority) -> None:
    target = parse_target("syslog", syslog_server.tls, {"ca_pem": authority.pem})
    async with opened(lookup=localhost) as channels:
        with pytest.raises(DeliveryFailed, match=r"not accepted: (unable to get local issuer|self-signed) certificate"):
            await channels.to(target).send(raised(AlarmName.FILE_ERROR))


async def test_certificates_that_are_none_will_never_be_any(opened: Opened) -> None:
    async with broken(hang) as port, opened() as channels:
        target = parse_target("syslog", f"tls://{NAME}:{port}", {"ca_pem": "-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n"})
        with pytest.raises(DeliveryFailed, match="ca_pem holds no certificate") as failed:
            await channels.to(target).send(raised())
    assert failed.value.gone
