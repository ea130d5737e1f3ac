"""Receivers that misbehave: they hang, drip, cut the connection, or speak something else."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def broken(behaviour: Behaviour, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port of a receiver that does to each connection what it is given; what still runs at the end is ended."""
    running: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            with suppress(OSError, asyncio.CancelledError):
                if server.is_serving():  # who was let in at the very end is served no more
                    await behaviour(reader, writer)
        finally:
            running.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tuple(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes the connection and what is said, and never answers or ends it."""
    while True:
        await reader.read(65_536)
        if reader.at_eof():
            await asyncio.Event().wait()


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Cuts the connection at the first word."""
    await reader.read(1)
    await slam(reader, writer)


async def slam(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Cuts the connection before a word."""
    stream: socket.socket = writer.get_extra_info("socket")
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def chatter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers in no protocol that is asked for."""
    writer.write(b"SSH-2.0-something\x1b[31m else\r\n")
    await writer.drain()
    await reader.read()


def _drip(text: bytes) -> Behaviour:
    async def behaviour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            for byte in text:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.05)

    return behaviour


slow_mail = _drip(b"220-")
slow_web = _drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"y" * 64)
"""The beginning of an answer, a byte at a time, and no end of it."""
