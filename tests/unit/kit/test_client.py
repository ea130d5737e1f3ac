"""Asking another service: one exception when it does not answer, the trace and the caller passed on."""

from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from shared.contracts.base import AnswerBody
from shared.kit.client import ServiceClient
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
