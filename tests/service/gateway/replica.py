"""A service behind the proxy, on a real socket: answers as it is told to, down to the byte, and remembers what it was sent."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from starlette.types import Message, Scope

from gateway.proxy import Upstream
from gateway.proxy.addresses import Limits
from shared.kit.metrics import Metrics
from tests.house import eventually

EAGER = Limits(calls_per_address=4, wait_seconds=0.05, ask_seconds=0.02, health_seconds=5, look_up_seconds=0.05)
"""Looks and asks all the time, so that no test waits for it."""


@dataclass(frozen=True)
class Request:
    """What came in: the head as it stood on the wire, and the connection behind it."""

    line: str
    headers: list[tuple[str, str]]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def header(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    async def piece(self) -> bytes:
        """The next piece of a chunked body; empty at its end."""
        size = int(await self.reader.readline(), 16)
        return (await self.reader.readexactly(size + 2))[:-2]

    async def body(self) -> bytes:
        if self.header("transfer-encoding"):
            return b"".join([piece async for piece in self._pieces()])
        return await self.reader.readexactly(int((self.header("content-length") or ["0"])[0]))

    async def _pieces(self) -> AsyncIterator[bytes]:
        while piece := await self.piece():
            yield piece

    async def say(self, content: bytes) -> None:
        self.writer.write(content)
        await self.writer.drain()

    async def answer(self, status: int = 200, body: bytes = b"ok", more: str = "") -> None:
        await self.say(f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n{more}\r\n".encode() + body)


Answering = Callable[[Request], Awaitable[None]]


async def simple(request: Request) -> None:
    await request.body()
    await request.answer()


@dataclass
class Replica:
    """One of them; ``requests`` are those that are no question for its health."""

    answering: Answering = simple
    readyz: int | None = 200  # None: silence
    requests: list[Request] = field(default_factory=list)
    host: str = "127.0.0.1"
    port: int = 0
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuse connections, and break off those that are open."""
        assert self._server is not None
        self._server.close()
        for writer in self._open:
            writer.transport.abort()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while line := await reader.readline():
                headers: list[tuple[str, str]] = []
                while (read := (await reader.readline()).decode().rstrip("\r\n")) != "":
                    name, _, value = read.partition(":")
                    headers.append((name.lower(), value.strip()))
                await self._one(Request(line.decode().strip(), headers, reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the other side hung up, which is for a test to see and not for its server
        finally:
            self._open.discard(writer)
            writer.close()

    async def _one(self, request: Request) -> None:
        if request.line.startswith("GET /readyz "):
            if self.readyz is None:
                await asyncio.Event().wait()
            await request.answer(self.readyz or 0, more="connection: close\r\n")
            raise ConnectionError  # none stays open for the requests: a kept one may break after something was sent
        self.requests.append(request)
        await self.answering(request)


@asynccontextmanager
async def replicas(*given: Replica) -> AsyncIterator[None]:
    for replica in given:
        await replica.start()
    try:
        yield
    finally:
        for replica in given:
            await replica.stop()


@asynccontextmanager
async def proxy(*urls: str, metrics: Metrics | None = None, limits: Limits = EAGER) -> AsyncIterator[Upstream]:
    upstream = Upstream("ledger", urls, metrics or Metrics(), limits)
    await upstream.start()
    try:
        yield upstream
    finally:
        await upstream.close()


class Asked:
    """A request to the proxy, piece by piece; ``headers`` as the gateway hands them on."""

    def __init__(self, upstream: Upstream, method: str = "GET", path: str = "/x", query: str = "", **headers: str) -> None:
        self._to_server: asyncio.Queue[Message] = asyncio.Queue()
        self.to_client: asyncio.Queue[Message] = asyncio.Queue()
        listed = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope: Scope = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query.encode(), "headers": listed
        }  # fmt: skip
        self.task = asyncio.create_task(upstream(scope, self._to_server.get, self.to_client.put))

    async def say(self, body: bytes = b"", *, more: bool = False) -> "Asked":
        await self._to_server.put({"type": "http.request", "body": body, "more_body": more})
        return self

    async def hang_up(self) -> None:
        await self._to_server.put({"type": "http.disconnect"})

    async def hear(self) -> Message:
        return await asyncio.wait_for(self.to_client.get(), 20)

    async def answer(self) -> tuple[int, bytes]:
        """The whole of it; raises what the proxy raised."""
        await asyncio.wait_for(self.task, 20)
        start, *pieces = [self.to_client.get_nowait() for _ in range(self.to_client.qsize())]
        assert not pieces[-1].get("more_body")
        return start["status"], b"".join(piece["body"] for piece in pieces)


async def ask(upstream: Upstream, method: str = "GET", path: str = "/x", body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    if body:
        headers["content_length"] = str(len(body))
    return await (await Asked(upstream, method, path, **headers).say(body)).answer()


async def until(look: Callable[[], object], what: str) -> None:
    async def looked() -> bool:
        return bool(look())

    await eventually(looked, what)
