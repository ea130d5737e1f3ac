"""The whole gateway over a service on a real socket: what arrives there, and what a client hears when it fails."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.proxy import Upstream
from shared.kit.metrics import Metrics
from tests.house import eventually
from tests.service.gateway.conftest import Gateway
from tests.service.gateway.replica import EAGER, Replica, Request, replicas, until
from tests.service.gateway.test_entrance import problem
from tests.service.gateway.test_forwarding import Conversation


@pytest.fixture
async def replica() -> AsyncIterator[Replica]:
    made = Replica()
    async with replicas(made):
        yield made


@pytest.fixture
def upstream(replica: Replica) -> Upstream:
    """Not started: the gateway does it, and closes it."""
    return Upstream("ledger", [replica.url], Metrics(), EAGER)


async def test_the_gateways_word_and_the_deadline_are_on_the_wire_and_nothing_from_outside_under_their_names(
    gateway: Gateway, replica: Replica
) -> None:
    lies = {
        "licensing-identity": "x",
        "licensing-deadline": "999",
        "licensing-caller": "root",
        "licensing-service": "x",
        "Connection": "x-mine",
        "X-Mine": "1",
    }
    answer = await gateway.client.get("/v1/clusters/a%2520b?x=%2F", headers={**lies, **gateway.as_("viewer")})
    assert (answer.status_code, answer.text) == (200, "ok")
    (request,) = replica.requests
    assert request.line == "GET /v1/clusters/a%2520b?x=%2F HTTP/1.1"
    assert request.header("licensing-deadline") == ["14.500"]
    assert request.header("licensing-service") == ["ledger"]
    assert [word.count(".") for word in request.header("licensing-identity")] == [2]
    assert [request.header(name) for name in ("licensing-caller", "authorization", "x-mine")] == [[], [], []]


async def test_readiness_is_that_of_the_addresses(gateway: Gateway, replica: Replica) -> None:
    assert (await gateway.client.get("/readyz")).status_code == 200
    replica.readyz = 503

    async def noticed() -> bool:
        return "status 503" in str((await gateway.client.get("/readyz")).json()["checks"]["ledger"])

    await eventually(noticed, "no address is ready")


async def test_a_service_that_hangs_is_told_of_at_the_deadline_and_left(gateway: Gateway, replica: Replica) -> None:
    hung_up = asyncio.Event()

    async def hanging(request: Request) -> None:
        await request.reader.read()
        hung_up.set()

    replica.answering = hanging
    vars(gateway.app.state.kit.settings)["request_deadline_seconds"] = 0.1
    told = await gateway.client.put("/v1/clusters/hq", json={}, headers=gateway.as_("admin"))
    assert problem(told) == (504, "deadline-exceeded")
    assert told.headers["retry-after"] == "2"
    await asyncio.wait_for(hung_up.wait(), 20)
    assert len(replica.requests) == 1


async def test_a_service_that_breaks_and_one_that_is_away_are_told_apart(gateway: Gateway, replica: Replica) -> None:
    async def breaking(request: Request) -> None:
        await request.body()
        request.writer.transport.abort()

    replica.answering = breaking
    assert problem(await gateway.client.get("/v1/clusters/hq", headers=gateway.as_("viewer"))) == (502, "upstream-unavailable")
    await replica.stop()
    told = await gateway.client.get("/v1/clusters/hq", headers=gateway.as_("viewer"))
    assert (*problem(told), told.headers["retry-after"]) == (503, "upstream-unavailable", "2")
    await replica.start()


async def test_a_body_that_is_too_large_is_cut_off_and_the_service_never_has_it_whole(gateway: Gateway, replica: Replica) -> None:
    left: list[bytes] = []

    async def reading(request: Request) -> None:
        left.append(await request.reader.read())

    replica.answering = reading
    talk = Conversation(gateway, "/v1/clusters/hq/devices/d", "PUT", "operator")  # which may have 100 bytes
    await talk.say(bytes(60), more=True)
    await until(lambda: replica.requests, "it arrived")
    await talk.say(bytes(60), more=True)
    assert (await talk.hear())["status"] == 413
    await asyncio.wait_for(talk.task, 20)
    await until(lambda: left, "the connection is closed")
    assert not left[0].endswith(b"0\r\n\r\n")


async def test_stopping_ends_an_event_stream_whole_and_hangs_up_on_the_service(gateway: Gateway, replica: Replica) -> None:
    hung_up = asyncio.Event()

    async def events(request: Request) -> None:
        await request.say(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n")
        await request.reader.read()
        hung_up.set()

    replica.answering = events
    talk = Conversation(gateway)
    await talk.say(b"")
    assert (await talk.hear())["status"] == 200
    assert (await talk.hear())["body"] == b"data: 1\n\n"
    gateway.app.state.forwarder.stop()
    assert await talk.hear() == {"type": "http.response.body", "body": b""}
    await asyncio.wait_for(talk.task, 20)
    await asyncio.wait_for(hung_up.wait(), 20)
