"""HTTP/1.1 as cheaply as Python can ask: a kept connection, requests made beforehand, answers read as far as they are needed."""

import asyncio
from typing import cast


class Gone(ConnectionError):
    """The connection ended before the answer: whether the request was done is not known."""


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._wanted: int | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._ended = False

    @classmethod
    async def open(cls, port: int) -> "Connection":
        """To this machine. Raises OSError."""
        _, made = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return made

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    def ask(self, request: bytes) -> "asyncio.Future[tuple[int, bytes]]":
        """Status and body. Raises Gone."""
        self._answer = asyncio.get_running_loop().create_future()
        if self._ended:
            self._answer.set_exception(Gone())
        else:
            self._transport.write(request)
        return self._answer

    def close(self) -> None:
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
        self._fail(Gone(str(exc or "closed")))

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._wanted is None:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            self._begin = end + 4
            try:
                self._wanted = self._begin + _length_of(bytes(self._received[:end]))
            except ValueError as error:
                self._fail(error)
                self._transport.abort()
                return
        if len(self._received) < self._wanted:
            return
        status, body = int(self._received[9:12]), bytes(self._received[self._begin : self._wanted])
        del self._received[: self._wanted]
        self._wanted = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((status, body))


def _length_of(head: bytes) -> int:
    """Of the body behind this head. Raises ValueError where the head does not say it."""
    lower = head.lower()
    start = lower.find(b"\r\ncontent-length:")
    if start < 0:
        if head[9:12] == b"204":
            return 0
        raise ValueError(f"an answer without a length: {head!r}")
    return int(lower[start + 17 : end if (end := lower.find(b"\r\n", start + 2)) > 0 else None])


def request_of(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """A whole request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: bench", *(f"{name}: {value}" for name, value in headers.items())]
    if body or method in ("PUT", "POST"):
        lines += [f"Content-Length: {len(body)}"]
        lines += [] if "Content-Type" in headers else ["Content-Type: application/json"]
    return "\r\n".join([*lines, "", ""]).encode() + body
