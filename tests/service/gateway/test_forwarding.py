"""Streams both ways, and what becomes of an upstream that fails."""

import asyncio

import pytest
from starlette.types import Message, Receive, Scope, Send

from tests.service.gateway.conftest import Gateway
from tests.service.gateway.test_entrance import problem
from tests.service.gateway.upstream import Upstream, answer, never

START: Message = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream"), (b"connection", b"x")]}


class Conversation:
    """A raw ASGI client that sends and hears piece by piece."""

    def __init__(self, gateway: Gateway, path: str = "/v1/clusters/hq", method: str = "GET", scope: str = "viewer") -> None:
        self.to_server: asyncio.Queue[Message] = asyncio.Queue()
        self.to_client: asyncio.Queue[Message] = asyncio.Queue()
        headers = [(b"authorization", gateway.as_(scope)["Authorization"].encode())]
        request: Scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http", "path": path,
            "raw_path": path.encode(), "query_string": b"", "headers": headers, "client": ("192.0.2.9", 1), "server": ("x", 1),
        }  # fmt: skip
        self.task = asyncio.create_task(gateway.app(request, self.to_server.get, self.to_client.put))

    async def say(self, body: bytes, *, more: bool = False) -> None:
        await self.to_server.put({"type": "http.request", "body": body, "more_body": more})

    async def hear(self) -> Message:
        return await asyncio.wait_for(self.to_client.get(), 20)


async def until_hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def stream_for_ever(_scope: Scope, receive: Receive, send: Send) -> None:
    """As Starlette does it: write until the client is gone."""
    await send(START)
    await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
    await until_hung_up(receive)


async def test_bodies_pass_piece_by_piece_in_both_directions(gateway: Gateway, upstream: Upstream) -> None:
    async def echo(_scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while (message := await receive())["more_body"]:
            await send({"type": "http.response.body", "body": message["body"], "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    upstream.answering = echo
    talk = Conversation(gateway, "/v1/clusters/hq", "PUT", "admin")
    assert (await talk.hear())["status"] == 200
    for piece in (b"one", b"two"):
        await talk.say(piece, more=True)
        assert (await talk.hear())["body"] == piece  # before the next one is sent
    await talk.say(b"")
    assert (await talk.hear())["more_body"] is False
    await talk.task


async def test_an_event_stream_passes_as_it_comes_and_ends_with_its_client(gateway: Gateway, upstream: Upstream) -> None:
    upstream.answering = stream_for_ever
    talk = Conversation(gateway)
    await talk.say(b"")
    start = await talk.hear()
    assert [name for name, _ in start["headers"]] == [b"content-type"]
    assert (await talk.hear())["body"] == b"data: 1\n\n"
    await talk.to_server.put({"type": "http.disconnect"})
    await talk.task
    assert talk.to_client.empty()


async def test_stopping_ends_event_streams_whole_and_is_not_ready(gateway: Gateway, upstream: Upstream) -> None:
    upstream.answering = stream_for_ever
    talk = Conversation(gateway)
    await talk.say(b"")
    await talk.hear()
    await talk.hear()
    gateway.app.state.kit.life.stop()
    assert await talk.hear() == {"type": "http.response.body", "body": b""}
    await talk.task
    ready = await gateway.client.get("/readyz")
    assert (ready.status_code, ready.json()["checks"]["process"]) == (503, "is stopping")


async def test_head_of_an_event_stream_does_not_wait_for_events(gateway: Gateway, upstream: Upstream) -> None:
    upstream.answering = stream_for_ever
    talk = Conversation(gateway, method="HEAD")
    await talk.say(b"")
    assert (await talk.hear())["status"] == 200
    assert [(await talk.hear())["body"] for _ in range(2)] == [b"", b""]
    await talk.task


@pytest.mark.parametrize(
    ("error", "status", "retry"), [(ConnectionRefusedError(), 503, "2"), (TimeoutError(), 503, "2"), (ValueError("secret"), 502, None)]
)
async def test_an_upstream_that_fails_before_its_answer_is_a_problem(
    gateway: Gateway, upstream: Upstream, error: Exception, status: int, retry: str | None
) -> None:
    async def failing(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise error

    upstream.answering = failing
    refused = await gateway.client.get("/v1/clusters/hq", headers=gateway.as_("viewer"))
    assert problem(refused) == (status, "upstream-unavailable")
    assert (refused.json()["upstream"], refused.headers.get("retry-after")) == ("ledger", retry)
    assert "secret" not in refused.text


async def test_an_upstream_without_an_answer_in_time_is_a_problem_and_the_client_does_not_wait_for_its_end(
    gateway: Gateway, upstream: Upstream
) -> None:
    vars(gateway.app.state.kit.settings)["request_deadline_seconds"] = 0.05
    ended = asyncio.Event()

    async def hanging(_scope: Scope, _receive: Receive, _send: Send) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await ended.wait()

    upstream.answering = hanging
    talk = Conversation(gateway)
    await talk.say(b"")
    start = await talk.hear()
    assert start["status"] == 504
    assert b"urn:licensing:problem:deadline-exceeded" in (await talk.hear())["body"]
    assert not talk.task.done()
    ended.set()
    await talk.task
    assert talk.to_client.empty()


async def test_an_upstream_that_says_nothing_is_a_problem(gateway: Gateway, upstream: Upstream) -> None:
    async def silent(_scope: Scope, _receive: Receive, _send: Send) -> None:
        return

    upstream.answering = silent
    assert problem(await gateway.client.get("/v1/clusters/hq", headers=gateway.as_("viewer"))) == (502, "upstream-unavailable")


@pytest.mark.parametrize("how", ["raises", "returns"])
async def test_an_answer_that_breaks_in_the_middle_is_broken_off_and_not_ended(gateway: Gateway, upstream: Upstream, how: str) -> None:
    async def breaking(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        if how == "raises":
            raise ValueError(how)

    upstream.answering = breaking
    talk = Conversation(gateway)
    await talk.say(b"")
    assert (await talk.hear())["status"] == 200
    assert (await talk.hear())["body"] == b"half"
    with pytest.raises(Exception, match=r"raises|ledger"):
        await talk.task
    assert talk.to_client.empty()


async def test_an_upstreams_own_problem_passes_unchanged(gateway: Gateway, upstream: Upstream) -> None:
    async def refusing(_scope: Scope, _receive: Receive, send: Send) -> None:
        await answer(send, 409, {"free": 3}, ((b"retry-after", b"7"), (b"keep-alive", b"5")))

    upstream.answering = refusing
    refused = await gateway.client.get("/v1/clusters/hq", headers=gateway.as_("viewer"))
    assert (refused.status_code, refused.json(), refused.headers["retry-after"]) == (409, {"free": 3}, "7")
    assert "keep-alive" not in refused.headers


async def test_a_service_that_does_not_believe_the_gateway_is_no_fault_of_the_callers_key(gateway: Gateway, upstream: Upstream) -> None:
    async def refusing(_scope: Scope, _receive: Receive, send: Send) -> None:
        await answer(send, 401, {"type": "urn:licensing:problem:identity-required"})

    upstream.answering = refusing
    refused = await gateway.client.get("/v1/clusters/hq", headers=gateway.as_("viewer"))
    assert problem(refused) == (502, "upstream-unavailable")
    assert refused.json()["reason"] == "IdentityRefused"


async def test_a_client_that_goes_away_before_the_answer_ends_the_request(gateway: Gateway, upstream: Upstream) -> None:
    gone = asyncio.Event()

    async def patient(_scope: Scope, receive: Receive, _send: Send) -> None:
        await until_hung_up(receive)
        gone.set()

    upstream.answering = patient
    talk = Conversation(gateway)
    await talk.to_server.put({"type": "http.disconnect"})
    await talk.task
    assert gone.is_set()
    assert talk.to_client.empty()
    upstream.answering = never
