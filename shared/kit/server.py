"""The HTTP server of one process: listens, serves, and stops without cutting anybody short.

Must not be broken: a stop is told by /readyz first, requests under way are finished (10 s at most), and nothing that the server
says by itself is anything but a problem.
"""

import asyncio
import contextlib
import json
import resource
import select
import socket
import sys
from collections.abc import Callable, Iterator, Sequence

import httptools
import uvicorn
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.kit.life import Life
from shared.kit.listening import cannot_listen
from shared.kit.problems import PROBLEM_JSON, problem_response
from shared.kit.trace import current_trace

_FINISH_SECONDS = 10
_MOST_CONNECTIONS = 4096
_HEAD_SECONDS = 30.0
"""A client that does not get its request line and headers across in this time would hold a connection for nothing."""

_FIRST_REQUEST_SECONDS = 1.0
"""Whoever connected just before the end has this long for its request; nobody connects for nothing."""

_LARGEST_HEAD_BYTES = 64 * 1024
"""Of a request line and its headers: the parser would collect them without end, before anybody has shown a key."""


async def serve(app: ASGIApp, bound: socket.socket, stop: asyncio.Event, life: Life, drain_seconds: Callable[[], float]) -> None:
    """Serve until ``stop``, then for ``drain_seconds`` say on /readyz that it ends, then finish what is under way. Raises CannotListen.

    While it ends every answer closes its connection: a client that keeps one is told before its next request, not in the middle of it.
    """
    host, port = bound.getsockname()[:2]
    server = _Server(_config_of(_Ending(app, life)))
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        life.stop()
        if not serving.done():
            await asyncio.wait({serving}, timeout=drain_seconds())
        server.should_exit = True
        await serving
    except OSError as error:
        raise cannot_listen(host, port, error) from error
    finally:
        stopping.cancel()


def _config_of(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        lifespan="off",  # entered by whoever built the application
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_FINISH_SECONDS,
    )


def _most_connections() -> int:
    """Half of the files that the process may have open: the database's connections are files too."""
    return min(_MOST_CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)


def _too_many_connections(limit: int) -> JSONResponse:
    detail = f"{limit} connections are open already, which is the limit. Nothing was done; try again in 1 s."
    headers = {"Retry-After": "1", "Connection": "close"}
    return problem_response("busy", 503, "Busy", detail, headers=headers)


class _Server(uvicorn.Server):
    """Leaves the signals to the process around it, and lets in whoever has connected before it stops to listen."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def shutdown(self, sockets: Sequence[socket.socket] = ()) -> None:  # type: ignore[override]
        # The kernel's queue is emptied and the listener closed in one go: whoever is in the queue then is reset.
        connected = [accepted for bound in sockets for accepted in _queued(bound)]
        for listener in self.servers:
            listener.close()
        for accepted in connected:
            await asyncio.get_running_loop().connect_accepted_socket(self._protocol, accepted)
        await super().shutdown(list(sockets))

    def _protocol(self) -> asyncio.Protocol:
        return _Protocol(self.config, self.server_state, self.lifespan.state)


def _queued(bound: socket.socket) -> Iterator[socket.socket]:
    """The connections that the kernel has made and nobody has accepted."""
    with contextlib.suppress(OSError):  # there is none left, or none can be had
        while True:
            yield bound.accept()[0]


class _Ending:
    """Every answer that begins once the process is stopping closes its connection."""

    def __init__(self, app: ASGIApp, life: Life) -> None:
        self._app = app
        self._life = life

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def closing(message: Message) -> None:
            if message["type"] == "http.response.start" and self._life.stopping:
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
            await send(message)

        await self._app(scope, receive, closing)


class _Protocol(HttpToolsProtocol):
    """What is no HTTP, has no end before its body, or is one connection too many is answered with a problem too."""

    _head_bytes: int | None = None  # of the head that is being read; None between heads
    _was_asked = False  # ever
    _begins_in_a_request = False  # the bytes just read; how many of them are of the next head is not known then

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_due = self.loop.call_later(_HEAD_SECONDS, self._give_up)
        if len(self.connections) > _most_connections():
            self.app = _too_many_connections(_most_connections())

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_due.cancel()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Close the connection, but not under a request that has been sent, whole or in part."""
        if not self._was_asked:
            self.loop.call_later(_FIRST_REQUEST_SECONDS, self._close_unless_asked)
        else:
            self._close_unless_asked()

    def _close_unless_asked(self) -> None:
        if self._head_bytes is None and not self.transport.is_closing() and not self._has_unread():
            super().shutdown()

    def _has_unread(self) -> bool:
        poll = select.poll()
        poll.register(self.transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def _give_up(self) -> None:
        detail = f"The request line and the headers did not arrive within {_HEAD_SECONDS:g} s. The connection is closed."
        self._refuse(408, "Request Timeout", "request-timeout", "The request did not arrive", detail)

    def data_received(self, data: bytes) -> None:
        self._received = data
        self._begins_in_a_request = False
        super().data_received(data)
        if self._head_bytes is None or self._begins_in_a_request or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        if self._head_bytes > _LARGEST_HEAD_BYTES:
            detail = f"The request line and the headers may have {_LARGEST_HEAD_BYTES} bytes. The connection is closed."
            self._refuse(431, "Request Header Fields Too Large", "headers-too-large", "The headers are too large", detail)

    def on_message_begin(self) -> None:
        self._was_asked = True
        self._head_bytes = 0
        self._head_due.cancel()
        self._head_due = self.loop.call_later(_HEAD_SECONDS, self._give_up)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head_bytes = None
        self._head_due.cancel()
        if not self._wants_another_protocol():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._begins_in_a_request = True
        if not self._wants_another_protocol():
            super().on_message_complete()

    def _wants_another_protocol(self) -> bool:
        return self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"

    def _unsupported_upgrade_warning(self) -> None:
        """Read the request again without that wish: the parser takes what follows the head for the other protocol, and the body with it."""
        raised = sys.exception()
        if not self._wants_another_protocol() or not isinstance(raised, httptools.HttpParserUpgrade):
            return
        rest = self._received[raised.args[0] :]
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())]
        lines += [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        super().data_received(b"\r\n".join([*lines, b"", b""]) + rest)

    def send_400_response(self, msg: str) -> None:
        detail = f"{msg} The connection is closed."
        self._refuse(400, "Bad Request", "invalid-request", "The request cannot be understood", detail)

    def _refuse(self, status: int, phrase: str, slug: str, title: str, detail: str) -> None:
        problem = {
            "type": f"urn:licensing:problem:{slug}",
            "title": title,
            "status": status,
            "detail": detail,
            "trace_id": current_trace().trace_id,
        }
        body = json.dumps(problem).encode()
        head = f"HTTP/1.1 {status} {phrase}\r\ncontent-type: {PROBLEM_JSON}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        self.transport.write(head.encode() + body)
        self.transport.close()
