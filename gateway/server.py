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
    """What is no HTTP is answered with a problem too."""

    def send_400_response(self, msg: str) -> None:
        problem = {
            "type": "urn:licensing:problem:invalid-request",
            "title": "The request cannot be understood",
            "status": 400,
            "detail": f"{msg} The connection is closed.",
            "trace_id": current_trace().trace_id,
        }
        body = json.dumps(problem).encode()
        head = f"HTTP/1.1 400 Bad Request\r\ncontent-type: {PROBLEM_JSON}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        self.transport.write(head.encode() + body)
        self.transport.close()
