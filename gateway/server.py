"""The HTTP server of one process: listens, serves, and stops without cutting anybody short.

Must not be broken: a stop is told by /readyz first, requests under way are finished (10 s at most), and nothing that the server
says by itself is anything but a problem.
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.listening import cannot_listen
from shared.kit.problems import PROBLEM_JSON
from shared.kit.trace import current_trace

_FINISH_SECONDS = 10
_MOST_CONNECTIONS = 4096
_LARGEST_HEAD_BYTES = 64 * 1024
"""Of a request line and its headers: the parser would collect them without end, before anybody has shown a key."""


async def serve(gateway: FastAPI, bound: socket.socket, stop: asyncio.Event, drain_seconds: float) -> None:
    """Serve until ``stop``, then for ``drain_seconds`` say on /readyz that it ends, then finish what is under way. Raises CannotListen."""
    host, port = bound.getsockname()[:2]
    server = _Server(_config_of(gateway))
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        gateway.state.forwarder.stop()
        if not serving.done():
            await asyncio.wait({serving}, timeout=drain_seconds)
        server.should_exit = True
        await serving
    except OSError as error:
        raise cannot_listen(host, port, error) from error
    finally:
        stopping.cancel()


def _config_of(gateway: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        gateway,
        http=_Protocol,
        ws="none",
        lifespan="off",  # entered by whoever built the application
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_FINISH_SECONDS,
    )


class _Server(uvicorn.Server):
    """Leaves the signals to the process around it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Protocol(HttpToolsProtocol):
    """What is no HTTP, or has no end before its body, is answered with a problem too."""

    _head_bytes: int | None = None  # of the head that is being read; None between heads
    _begins_in_a_request = False  # the bytes just read; how many of them are of the next head is not known then

    def data_received(self, data: bytes) -> None:
        self._begins_in_a_request = False
        super().data_received(data)
        if self._head_bytes is None or self._begins_in_a_request or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        if self._head_bytes > _LARGEST_HEAD_BYTES:
            detail = f"The request line and the headers may have {_LARGEST_HEAD_BYTES} bytes. The connection is closed."
            self._refuse(431, "Request Header Fields Too Large", "headers-too-large", "The headers are too large", detail)

    def on_message_begin(self) -> None:
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head_bytes = None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._begins_in_a_request = True
        super().on_message_complete()

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
