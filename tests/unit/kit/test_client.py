"""Asking another service: one exception when it does not answer, the trace and the caller passed on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from shared.contracts.base import AnswerBody
from shared.kit.client import ServiceClient
from shared.kit.deadline import due_in
from shared.kit.identity import Identity, identified
from shared.kit.problems import UpstreamUnavailable
from shared.kit.trace import begin_trace, tracing


class Thing(AnswerBody):
    name: str


Asking = Callable[[Callable[[httpx.Request], httpx.Response]], ServiceClient]


@pytest.fixture
async def asking() -> AsyncIterator[Asking]:
    clients: list[ServiceClient] = []

    def make(handler: Callable[[httpx.Request], httpx.Response]) -> ServiceClient:
        clients.append(ServiceClient("ledger", "http://ledger", httpx.MockTransport(handler)))
        return clients[-1]

    yield make
    for client in clients:
        await client.close()


async def test_the_answer_the_trace_and_the_caller(asking: Asking) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"name": "x", "added_later": 1})

    with tracing(begin_trace(None, "ada")) as trace:
        found = await asking(answer).get(["v1", "clusters", "a/b ü?"], Thing, params={"q": "1"})
    assert found == Thing(name="x")
    assert seen[0].url.raw_path == b"/v1/clusters/a%2Fb%20%C3%BC%3F?q=1"
    assert seen[0].headers["licensing-caller"] == "ada"
    assert seen[0].headers["traceparent"].split("-")[1] == trace.trace_id


async def test_what_is_not_there_is_none(asking: Asking) -> None:
    assert await asking(lambda _request: httpx.Response(404)).get(["x"], Thing) is None


@pytest.mark.parametrize("status", [302, 401, 422, 500, 503])
async def test_any_other_answer_is_no_answer(asking: Asking, status: int) -> None:
    with pytest.raises(UpstreamUnavailable) as told:
        await asking(lambda _request: httpx.Response(status)).get(["x"], Thing)
    assert (told.value.upstream, told.value.reason) == ("ledger", f"status {status}")


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError])
async def test_silence_is_told_by_its_kind(asking: Asking, error: type[httpx.TransportError]) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error("secret address", request=request)

    with pytest.raises(UpstreamUnavailable) as told:
        await asking(fail).get(["x"], Thing)
    assert told.value.reason == error.__name__
    assert "secret" not in str(told.value)


async def test_an_answer_that_cannot_be_read_is_no_answer(asking: Asking) -> None:
    for content in (b"", b"<html>", b'{"other": 1}', b'{"name": 1}'):
        with pytest.raises(UpstreamUnavailable) as told:
            await asking(lambda _request, content=content: httpx.Response(200, content=content)).get(["x"], Thing)  # type: ignore[misc]
        assert (told.value.upstream, told.value.reason) == ("ledger", "an answer that cannot be read")


async def test_an_application_in_the_same_process_that_never_answers_is_given_up_at_the_deadline() -> None:
    ended = asyncio.Event()

    async def never(_scope: Scope, _receive: Receive, _send: Send) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    client = ServiceClient("ledger", "http://ledger", httpx.ASGITransport(never), deadline_seconds=0.05)
    with pytest.raises(UpstreamUnavailable) as told:
        await asyncio.wait_for(client.get(["x"], Thing), 10)
    assert told.value.reason == "no answer within 0.05 s"
    assert ended.is_set()
    await client.close()


async def test_the_gateways_word_is_passed_on_and_goes_before_a_plain_name(asking: Asking) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(404)

    with tracing(begin_trace(None, "Büro 100% 漢")):
        await asking(answer).get(["x"], Thing)
        with identified(Identity("ada", "admin", "a.b.c")):
            await asking(answer).get(["x"], Thing)
    assert seen[0].headers.raw[-1] == (b"licensing-caller", "Büro 100% 漢".encode())
    assert "licensing-identity" not in seen[0].headers
    assert seen[1].headers["licensing-identity"] == "a.b.c"
    assert "licensing-caller" not in seen[1].headers


@pytest.mark.parametrize(("left", "told"), [(None, "5.000"), (60.0, "5.000"), (0.0, "0.000")])
async def test_who_is_asked_has_the_time_that_is_left_and_no_more_than_its_own(asking: Asking, left: float | None, told: str) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["licensing-deadline"])
        return httpx.Response(404)

    with due_in(left), contextlib.suppress(UpstreamUnavailable):
        await asking(answer).get(["x"], Thing)
    assert seen in ([told], [])
    assert seen or left == 0.0


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ConnectTimeout, httpx.ReadError, httpx.RemoteProtocolError])
async def test_another_address_is_asked_where_one_breaks_and_then_first(error: type[httpx.TransportError]) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        if request.url.host != "c":
            raise error("away", request=request)
        return httpx.Response(200, json={"name": "x"})

    client = ServiceClient("ledger", "http://a:8000, http://b:8000,http://c:8000/", httpx.MockTransport(answer))
    for _ in range(2):
        assert await client.get(["x"], Thing) == Thing(name="x")
    assert asked == ["a", "b", "c", "c"]
    await client.close()


async def test_one_address_is_asked_twice_for_a_kept_connection_may_be_closed(asking: Asking) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if len(asked) == 1:
            raise httpx.RemoteProtocolError("closed", request=request)
        return httpx.Response(200, json={"name": "x"})

    assert await asking(answer).get(["x"], Thing) == Thing(name="x")


async def test_after_one_that_is_silent_another_is_asked_first() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "frozen":
            await asyncio.Event().wait()
        return httpx.Response(200, json={"name": "x"})

    client = ServiceClient("ledger", "http://frozen,http://other", httpx.MockTransport(answer), deadline_seconds=0.05)
    with pytest.raises(UpstreamUnavailable):
        await client.get(["x"], Thing)
    assert await client.get(["x"], Thing) == Thing(name="x")
    await client.close()
