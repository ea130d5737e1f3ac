"""The load generator's client reads answers as they come, and never takes a lost one for an answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from bench.ledger.wire import Connection, Gone, request_of


@asynccontextmanager
async def answering(*pieces: bytes, once: bool = False) -> AsyncIterator[Connection]:
    """A connection to a server that says these pieces to each request; ``once``: to the first, and goes."""
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            if once:
                break
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        gone.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        connection = await Connection.open(server.sockets[0].getsockname()[1])
        yield connection
        connection.close()
        await gone.wait()


async def test_an_answer_in_pieces_is_one_answer_and_the_connection_is_kept() -> None:
    async with answering(b"HTTP/1.1 201 Crea", b"ted\r\nContent-Length: 5\r\n", b"\r\nhe", b"llo") as connection:
        for _ in range(3):
            assert await connection.ask(request_of("GET", "/", {})) == (201, b"hello")


async def test_nothing_follows_a_204() -> None:
    async with answering(b"HTTP/1.1 204 No Content\r\nserver: x\r\n\r\n") as connection:
        assert await connection.ask(request_of("DELETE", "/", {})) == (204, b"")


async def test_half_an_answer_is_none() -> None:
    async with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", once=True) as connection:
        with pytest.raises(Gone):
            await connection.ask(request_of("GET", "/", {}))
        with pytest.raises(Gone):
            await connection.ask(request_of("GET", "/", {}))


async def test_an_answer_without_a_length_is_refused() -> None:
    async with answering(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n") as connection:
        with pytest.raises(ValueError, match="without a length"):
            await connection.ask(request_of("GET", "/", {}))


def test_a_request_says_its_length() -> None:
    assert request_of("PUT", "/x", {"A": "b"}, b"{}") == (
        b"PUT /x HTTP/1.1\r\nHost: bench\r\nA: b\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"
    )
