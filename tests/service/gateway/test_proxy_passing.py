"""What passes through the proxy, over real connections: piece by piece, as it was sent, and ended when its client hangs up."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gateway.proxy.addresses import Limits
from tests.service.gateway.replica import Asked, Replica, Request, ask, proxy, replicas, until


async def test_a_body_passes_piece_by_piece_in_both_directions() -> None:
    async def echo(request: Request) -> None:
        await request.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while piece := await request.piece():
            await request.say(b"%x\r\n%s\r\n" % (len(piece), piece))
        await request.say(b"0\r\n\r\n")

    replica = Replica(echo)
    async with replicas(replica), proxy(replica.url) as upstream:
        sent = await Asked(upstream, "POST").say(b"one", more=True)
        assert (await sent.hear())["status"] == 200
        assert (await sent.hear())["body"] == b"one"  # before the next one is sent
        await sent.say(b"two", more=True)
        assert (await sent.hear())["body"] == b"two"
        await sent.say()
        assert await sent.hear() == {"type": "http.response.body", "body": b"", "more_body": False}


async def _events(request: Request) -> None:
    await request.say(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n")
    request.headers.append(("hung-up", repr(await request.reader.read())))


async def _silent(request: Request) -> None:
    request.headers.append(("hung-up", repr(await request.reader.read())))


@pytest.mark.parametrize("answering", [_events, _silent])
async def test_a_client_that_hangs_up_ends_the_request(answering: Callable[[Request], Awaitable[None]]) -> None:
    replica = Replica(answering)
    async with replicas(replica), proxy(replica.url) as upstream:
        sent = await Asked(upstream).say()
        if answering is _events:
            assert (await sent.hear())["status"] == 200
            assert await sent.hear() == {"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True}
        await until(lambda: replica.requests, "it arrived")
        await sent.hang_up()
        await asyncio.wait_for(sent.task, 20)
        await until(lambda: replica.requests[0].header("hung-up") == ["b''"], "the connection is closed")
        assert sent.to_client.empty()


async def test_a_client_that_hangs_up_in_its_body_does_not_end_it() -> None:
    left: list[bytes] = []

    async def reading(request: Request) -> None:
        await request.piece()
        left.append(await request.reader.read())

    replica = Replica(reading)
    async with replicas(replica), proxy(replica.url) as upstream:
        sent = await Asked(upstream, "POST").say(b"half", more=True)
        await until(lambda: replica.requests, "it arrived")
        await sent.hang_up()
        await asyncio.wait_for(sent.task, 20)
        await until(lambda: left, "the connection is closed")
        assert left == [b""]  # and not the zero that ends a body


@pytest.mark.parametrize("head", [b"content-length: 9\r\n\r\n", b"transfer-encoding: chunked\r\n\r\n4\r\n"])
async def test_an_answer_that_breaks_in_the_middle_is_broken_off_and_not_repeated(head: bytes) -> None:
    async def breaking(request: Request) -> None:
        await request.say(b"HTTP/1.1 200 OK\r\n" + head + b"half")
        await request.writer.drain()
        request.writer.close()

    both = [Replica(breaking), Replica(breaking)]
    async with replicas(*both), proxy(*(replica.url for replica in both)) as upstream:
        sent = await Asked(upstream).say()
        assert (await sent.hear())["status"] == 200
        with pytest.raises(Exception, match=r"not completed|disconnected|closed"):
            await asyncio.wait_for(sent.task, 20)
        assert sum(len(replica.requests) for replica in both) == 1


@pytest.mark.parametrize("path", ["/v1/a%2Fb", "/v1/a%2fb/%7E", "/v1/%C3%BC%20x", "/v1/a;b=c,d@e:f!$&'()*+", "//v1//x/../y/%2e%2E"])
async def test_a_path_and_its_query_pass_as_they_were_sent(path: str) -> None:
    replica = Replica()
    async with replicas(replica), proxy(replica.url) as upstream:
        await (await Asked(upstream, path=path, query="a=%2F&b=+%20&c=a/b?c").say()).answer()
        await ask(upstream, path=path)
    assert [request.line for request in replica.requests] == [f"GET {path}?a=%2F&b=+%20&c=a/b?c HTTP/1.1", f"GET {path} HTTP/1.1"]


async def test_headers_pass_and_nothing_is_added_but_what_the_connection_needs() -> None:
    async def compressed(request: Request) -> None:
        await request.answer(
            302, b"\x1f\x8b raw", "Set-Cookie: a=1\r\nset-cookie: b=2\r\nlocation: /y\r\ncontent-encoding: gzip\r\ndate: x\r\n"
        )

    replica = Replica(compressed)
    async with replicas(replica), proxy(replica.url) as upstream:
        for _ in range(2):  # a cookie would come back
            sent = await Asked(upstream, host="licensing.example", accept="text/plain", x_name="a%20b ü 漢", expect="100-continue").say()
            start = await sent.hear()
            assert (start["status"], (await sent.hear())["body"]) == (302, b"\x1f\x8b raw")
            await sent.task
    assert start["headers"] == [
        (b"content-length", b"6"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"), (b"location", b"/y"), (b"content-encoding", b"gzip")
    ]  # fmt: skip
    for request in replica.requests:
        assert sorted(request.headers) == [("accept", "text/plain"), ("host", "licensing.example"), ("x-name", "a%20b ü 漢")]


async def test_head_and_an_answer_without_a_body_end_without_one() -> None:
    async def headed(request: Request) -> None:
        await request.say(
            b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n" if request.line.startswith("HEAD") else b"HTTP/1.1 204 No\r\n\r\n"
        )

    replica = Replica(headed)
    async with replicas(replica), proxy(replica.url, limits=Limits()) as upstream:
        assert await ask(upstream, "HEAD") == (200, b"")
        assert await ask(upstream, "DELETE") == (204, b"")
        assert await ask(upstream, "HEAD") == (200, b"")
    assert len({id(request.writer) for request in replica.requests}) == 1  # the connection is kept


@pytest.mark.parametrize(("body", "told"), [(b"", "0"), (b"abc", "3")])
async def test_a_length_that_is_not_that_of_the_body_eats_nothing_of_the_next_request(body: bytes, told: str) -> None:
    replica = Replica()
    async with replicas(replica), proxy(replica.url) as upstream:
        assert await (await Asked(upstream, "PUT", content_length="9").say(body)).answer() == (200, b"ok")
        assert await ask(upstream, path="/next") == (200, b"ok")
    assert [request.line for request in replica.requests] == ["PUT /x HTTP/1.1", "GET /next HTTP/1.1"]
    assert replica.requests[0].header("content-length") == [told]
