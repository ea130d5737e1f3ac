"""A webhook's receiver that verifies with the reference library, told over https; and receivers, names and addresses of every bad kind."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import web as web_server

from services.alarms.domain.receipt import DeliveryFailed
from services.alarms.domain.targets import WebhookTarget, parse_target
from tests.receivers.broken import Behaviour, broken, chatter, hang, reset, slam, slow_web
from tests.receivers.certificates import Authority
from tests.receivers.messages import all_seven, raised
from tests.receivers.web import SECRET, WebReceiver, answering, dripping, web_receiver
from tests.service.alarms.channels.conftest import NAME, Opened, patience

OTHER = "whsec_" + "QUJD" * 8


def target_of(port: int, *secrets: str, host: str = NAME, scheme: str = "https") -> WebhookTarget:
    target = parse_target("webhook", f"{scheme}://{host}:{port}/alarms?from=licensing", {"secrets": list(secrets or (SECRET,))})
    assert isinstance(target, WebhookTarget)
    return target


async def failure(opened: Opened, target: WebhookTarget, **options: Any) -> DeliveryFailed:
    async with opened(**options) as channels:
        with pytest.raises(DeliveryFailed) as failed:
            await channels.to(target).send(raised())
    return failed.value


async def test_all_seven_arrive_raised_and_cleared_with_their_severity(web: WebReceiver, opened: Opened) -> None:
    messages = all_seven()
    async with opened() as channels:
        for message in messages:
            assert await channels.to(target_of(web.port)).send(message) == "204 No Content"
    assert not web.unverified
    for message, received in zip(messages, web.received, strict=True):
        data = received.told["data"]
        assert received.told["type"] == f"alarm.{message.occasion}"
        assert received.webhook_id == data["delivery_id"] == str(message.delivery_id)
        assert (data["severity"], data["level"]) == (message.severity, message.level)
        assert data["urgency"] == (6 if message.occasion == "cleared" else message.level)
        assert (data["name"], data["reason"], data["headline"]) == (message.name, message.reason, message.headline)
        assert received.headers["Host"] == f"{NAME}:{web.port}"


async def test_a_repetition_has_the_same_id(web: WebReceiver, opened: Opened) -> None:
    message = raised()
    async with opened() as channels:
        await channels.to(target_of(web.port)).send(message)
        await channels.to(target_of(web.port)).send(message)
    assert [received.webhook_id for received in web.received] == [str(message.delivery_id)] * 2


@pytest.mark.parametrize("secrets", [(SECRET, OTHER), (OTHER, SECRET)])
async def test_while_a_secret_is_replaced_both_verify(web: WebReceiver, opened: Opened, secrets: tuple[str, ...]) -> None:
    async with opened() as channels:
        await channels.to(target_of(web.port, *secrets)).send(raised())
    assert len(web.received[0].headers["webhook-signature"].split(" ")) == 2


async def test_a_secret_that_is_not_the_receivers(web: WebReceiver, opened: Opened) -> None:
    failed = await failure(opened, target_of(web.port, OTHER))
    assert failed.answer == "answered 401 Unauthorized No matching signature found"
    assert not failed.gone


@pytest.mark.parametrize(("status", "gone"), [(500, False), (404, False), (400, False), (410, True)])
async def test_a_status_that_is_no_success(web: WebReceiver, opened: Opened, status: int, gone: bool) -> None:
    web.answer = answering(status, "no\nthanks\x1b[2J")
    failed = await failure(opened, target_of(web.port))
    assert failed.answer.startswith(f"answered {status} ")
    assert failed.answer.endswith("no thanks [2J")
    assert (failed.gone, failed.retry_after_seconds) == (gone, None)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("asked", "least", "most"), [("120", 120, 120), ("9999999", 86_400, 86_400), ("soon", None, None), ("-5", None, None)]
)
async def test_a_receiver_that_asks_for_patience(
    web: WebReceiver, opened: Opened, status: int, asked: str, least: float | None, most: float | None
) -> None:
    web.answer = answering(status, headers={"Retry-After": asked})
    patience = (await failure(opened, target_of(web.port))).retry_after_seconds
    assert patience is None if least is None or most is None else patience is not None and least <= patience <= most


async def test_patience_until_a_date(web: WebReceiver, opened: Opened) -> None:
    web.answer = answering(503, headers={"Retry-After": format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True)})
    patience = (await failure(opened, target_of(web.port))).retry_after_seconds
    assert patience is not None
    assert 3_600 < patience <= 7_200


async def test_no_redirect_is_followed(web: WebReceiver, opened: Opened) -> None:
    async with web_receiver() as inner:
        for status in (301, 302, 307, 308):
            web.answer = answering(status, headers={"Location": f"http://127.0.0.1:{inner.port}/metadata"})
            failed = await failure(opened, target_of(web.port))
            assert failed.answer.startswith(
                f"answered {status}, a redirect to http://127.0.0.1:{inner.port}/metadata, and none is followed"
            )
        assert (inner.received, inner.unverified) == ([], [])


async def test_a_long_answer_is_shown_to_its_bound(web: WebReceiver, opened: Opened) -> None:
    web.answer = answering(500, "many words " * 100_000)
    assert len((await failure(opened, target_of(web.port))).answer) == 500


async def test_what_stands_below_a_success_is_not_waited_for(web: WebReceiver, opened: Opened) -> None:
    ended = asyncio.Event()
    web.answer = dripping(200, ended)
    async with opened() as channels:
        assert await channels.to(target_of(web.port)).send(raised()) == "200 OK slowly (it did not end)"
    ended.set()


@pytest.mark.parametrize(
    ("behaviour", "why"),
    [
        (hang, "no end within 0.5 s"),
        (slow_web, "no end within 0.5 s"),
        (reset, "connection reset by the receiver"),
        (chatter, "the answer is no HTTP"),
    ],
)
async def test_what_is_no_webhook(opened: Opened, authority: Authority, behaviour: Behaviour, why: str) -> None:
    async with broken(behaviour, authority.serving(NAME)) as port:
        failed = await failure(opened, target_of(port), timeout_seconds=patience(behaviour))
        assert why in failed.answer
        assert "\x1b" not in failed.answer
        assert "licensing" not in failed.answer, "a path and what follows it are as good as a secret"


async def test_a_connection_that_is_cut_before_tls(opened: Opened) -> None:
    async with broken(slam) as port:
        assert "connection reset by the receiver" in (await failure(opened, target_of(port))).answer


@pytest.mark.parametrize(
    ("names", "days", "why"),
    [
        (("other.test",), 1, "its certificate is not accepted: Hostname mismatch, certificate is not valid for 'receiver.test'"),
        (("127.0.0.1",), 1, "its certificate is not accepted: Hostname mismatch"),
        ((NAME,), -1, "its certificate is not accepted: certificate has expired"),
    ],
)
async def test_a_wrong_certificate(opened: Opened, authority: Authority, names: tuple[str, ...], days: int, why: str) -> None:
    async with web_receiver(authority.serving(*names, days=days)) as receiver:
        assert why in (await failure(opened, target_of(receiver.port))).answer
        assert (receiver.received, receiver.unverified) == ([], [])


async def test_nobody_listens_and_no_name(opened: Opened) -> None:
    assert (await failure(opened, target_of(1))).answer == f"https://{NAME}:1: connection refused, nobody listens there"
    unknown = await failure(opened, target_of(443, host="elsewhere.test"))
    assert unknown.answer == "the name elsewhere.test cannot be resolved: Name or service not known"


@pytest.mark.parametrize(
    ("host", "addresses", "why"),
    [
        (NAME, ["127.0.0.1"], "receiver.test is 127.0.0.1 and that is loopback"),
        (NAME, ["192.0.3.1", "10.1.2.3"], "receiver.test is 10.1.2.3 and that is private"),
        (NAME, ["2600::1", "::ffff:169.254.169.254"], "is ::ffff:a9fe:a9fe and that is an IPv4 address within IPv6"),
        ("169.254.169.254", [], "169.254.169.254 is link-local"),
        ("[64:ff9b::7f00:1]", [], "64:ff9b::7f00:1 is an IPv4 address behind NAT64"),
        ("[::1]", [], "::1 is loopback"),
    ],
)
async def test_a_private_target_is_refused_before_anything_is_sent(
    web: WebReceiver, opened: Opened, host: str, addresses: list[str], why: str
) -> None:
    """One address that is not public is enough, wherever in the list it stands."""
    failed = await failure(opened, target_of(web.port, host=host), allow_private=False, lookup=lambda name: addresses)
    assert why in failed.answer
    assert "LICENSING_ALARMS_ALLOW_PRIVATE_TARGETS=true" in failed.answer
    assert (web.received, web.unverified) == ([], [])


async def test_plain_http_is_told_with_permission_only(opened: Opened) -> None:
    async with web_receiver() as receiver:
        target = target_of(receiver.port, scheme="http")
        refused = await failure(opened, target, allow_private=False, lookup=lambda name: ["192.0.3.1"])
        assert "plain http is refused" in refused.answer
        async with opened() as channels:
            assert await channels.to(target).send(raised()) == "204 No Content"
        assert len(receiver.received) == 1


async def test_a_name_is_resolved_once_and_what_was_checked_is_connected_to(web: WebReceiver, opened: Opened) -> None:
    """A name server that answers otherwise the second time would be asked by whoever resolves again."""
    asked: list[str] = []

    def turning(host: str) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["192.0.2.1"]

    async with opened(lookup=turning) as channels:
        assert await channels.to(target_of(web.port)).send(raised()) == "204 No Content"
    assert asked == [NAME]


async def test_a_name_beyond_ascii_and_a_path_go_as_they_were_written(opened: Opened, authority: Authority) -> None:
    name, asked = "xn--gre-6ka8i.test", []

    async def answer(request: web_server.Request) -> web_server.StreamResponse:
        asked.append(request.raw_path)
        return web_server.Response(status=200)

    async with web_receiver(authority.serving(name)) as receiver, opened(lookup=lambda host: ["127.0.0.1"] * (host == name)) as channels:
        receiver.answer = answer
        text = f"https://{name.upper()}:{receiver.port}/a%2Fb;c?sig=%2F%3d&x=%20"
        await channels.to(parse_target("webhook", text, {"secrets": [SECRET]})).send(raised())
    assert asked == ["/a%2Fb;c?sig=%2F%3d&x=%20"]


async def test_no_proxy_of_the_environment_is_used(web: WebReceiver, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with opened() as channels:
        assert await channels.to(target_of(web.port)).send(raised()) == "204 No Content"


async def test_receivers_that_hang_delay_nobody(web: WebReceiver, opened: Opened, authority: Authority) -> None:
    """More of them than any pool of connections or threads has places."""
    async with broken(hang, authority.serving(NAME)) as port, opened(timeout_seconds=30) as channels:
        stuck = [asyncio.create_task(channels.to(target_of(port)).send(raised())) for _ in range(150)]
        assert await channels.to(target_of(web.port)).send(raised()) == "204 No Content"
        assert not any(task.done() for task in stuck)
        for task in stuck:
            task.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)
