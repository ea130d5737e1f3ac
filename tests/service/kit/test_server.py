"""The HTTP server's own limits: what it says by itself is a problem too."""

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.responses import PlainTextResponse

from shared.kit import server
from shared.kit.life import Life
from shared.kit.listening import listening_socket
from tests.house import eventually

REQUEST = b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n"


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """Where a server listens that says hello."""
    app, stop = FastAPI(), asyncio.Event()

    @app.get("/hello")
    async def hello() -> dict[str, str]:
        return {"hello": "world"}

    @app.put("/said")
    async def said(request: Request) -> dict[str, str]:
        return {"said": (await request.body()).decode()}

    @app.get("/slow")
    async def slow() -> dict[str, str]:
        await asyncio.sleep(server._HEAD_SECONDS * 1.5)  # the request under test: one that outlasts the limit for heads
        return {"hello": "at last"}

    bound = listening_socket("127.0.0.1", 0)
    serving = asyncio.create_task(server.serve(app, bound, stop, Life(), lambda: 0))
    yield bound.getsockname()[1]
    stop.set()
    await serving
    bound.close()


async def _connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    while True:
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:  # bound, and about to listen
            await asyncio.sleep(0)


async def test_one_connection_too_many_is_told_so_with_a_problem_and_closed(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_MOST_CONNECTIONS", 2)
    held = [await _connected(port) for _ in range(2)]
    for reader, writer in held:
        writer.write(REQUEST)
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        answer = await client.get("/hello")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert (answer.headers["retry-after"], answer.headers["connection"]) == ("1", "close")
    assert answer.json()["type"] == "urn:licensing:problem:busy"
    assert "2 connections" in answer.json()["detail"]
    for _, writer in held:
        writer.close()


@pytest.mark.parametrize("sent", [b"", b"GET /hello HT", REQUEST[:-2]])
async def test_a_head_that_does_not_arrive_gives_its_connection_up(port: int, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(server, "_HEAD_SECONDS", 0.05)
    reader, writer = await _connected(port)
    writer.write(sent)
    answer = await asyncio.wait_for(reader.read(), 10)
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"application/problem+json" in answer
    assert b"urn:licensing:problem:request-timeout" in answer
    writer.close()


async def test_once_its_head_has_arrived_a_request_may_take_its_time(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_HEAD_SECONDS", 0.5)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        answers = [await client.get("/slow") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]


@pytest.mark.parametrize("length", ["content-length: 5\r\n\r\nworld", "transfer-encoding: chunked\r\n\r\n5\r\nworld\r\n0\r\n\r\n"])
@pytest.mark.parametrize("split", [40, 10_000])
async def test_a_wish_for_another_protocol_is_passed_over_and_the_body_is_read(port: int, length: str, split: int) -> None:
    wish = "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAEAAEAA\r\n"
    sent = f"PUT /said HTTP/1.1\r\nhost: x\r\n{wish}{length}".encode() + REQUEST
    reader, writer = await _connected(port)
    writer.write(sent[:split])
    await writer.drain()
    await asyncio.sleep(0)  # two packets, where it is split
    writer.write(sent[split:])
    for said in (b'{"said":"world"}', b'{"hello":"world"}'):
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert await asyncio.wait_for(reader.readexactly(len(said)), 10) == said
    writer.close()


@pytest.mark.parametrize("target", ["x:80", "/hello", "http://x", "*"])
async def test_a_tunnel_is_refused(port: int, target: str) -> None:
    reader, writer = await _connected(port)
    writer.write(f"CONNECT {target} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
    assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"HTTP/1.1 4")
    writer.close()


@pytest.mark.parametrize("sent", [[], [REQUEST, REQUEST, b"", REQUEST[:9]]])
async def test_whoever_has_connected_or_asked_when_the_listener_goes_is_answered(
    monkeypatch: pytest.MonkeyPatch, sent: list[bytes]
) -> None:
    bound, stop = listening_socket("127.0.0.1", 0), asyncio.Event()
    port = bound.getsockname()[1]
    serving = asyncio.create_task(server.serve(PlainTextResponse("hello"), bound, stop, Life(), lambda: 0))
    kept_reader, kept = await _connected(port)
    kept.write(REQUEST)
    await asyncio.wait_for(kept_reader.readuntil(b"hello"), 10)
    late: list[socket.socket] = []
    tick = server._Server.on_tick

    async def last_moment(self: server._Server, counter: int) -> bool:
        if self.should_exit:  # what is done here is done before the loop looks at a connection again
            for some in sent:
                late.append(socket.create_connection(("127.0.0.1", port)))
                late[-1].sendall(some)
            kept.transport.get_extra_info("socket")._sock.send(REQUEST[:9])
        return await tick(self, counter)

    monkeypatch.setattr(server._Server, "on_tick", last_moment)
    stop.set()

    async def nobody_listens() -> bool:
        return bound.fileno() == -1

    await eventually(nobody_listens, "a listener that is gone")
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    for connection, some in zip(late, sent, strict=True):
        connection.sendall(REQUEST[len(some) :])
    kept.write(REQUEST[9:])
    streams = [(kept_reader, kept), *[await asyncio.open_connection(sock=sock) for sock in late]]
    answers = [await asyncio.wait_for(reader.read(), 10) for reader, _ in streams]
    assert [(answer[:15], b"connection: close" in answer) for answer in answers] == [(b"HTTP/1.1 200 OK", True)] * len(streams)
    for _, writer in streams:
        writer.close()
    await asyncio.wait_for(serving, 10)
