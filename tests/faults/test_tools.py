"""The suite's own tools: a book, a judge and a network that let a fault pass would make every case above worthless."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.faults.judge import Expected, expected_of
from tests.faults.load import Answer, Book, Call, Verb, judged
from tests.faults.tcp_proxy import TcpProxy, proxied

ANSWER = b"0123456789" * 10


def call(verb: Verb, answer: Answer, began: float = 0.0) -> Call:
    return Call(verb, "north", "SEP1", 4, answer, 0, began, began + 1, 0)


@pytest.mark.parametrize(
    ("calls", "held", "gone", "perhaps"),
    [
        ([("PUT", "acknowledged")], True, False, False),
        ([("PUT", "unknown")], False, False, True),
        ([("PUT", "unavailable")], False, False, True),
        ([("PUT", "unknown"), ("PUT", "acknowledged")], True, False, False),
        ([("PUT", "unknown"), ("PUT", "refused")], False, False, True),
        ([("PUT", "refused")], False, False, False),
        ([("PUT", "acknowledged"), ("DELETE", "acknowledged")], False, True, False),
        ([("PUT", "acknowledged"), ("DELETE", "unknown")], False, False, True),
        ([("PUT", "acknowledged"), ("DELETE", "unavailable"), ("DELETE", "acknowledged")], False, True, False),
    ],
)
def test_the_book_says_no_more_than_a_caller_can_know(calls: list[tuple[Verb, Answer]], held: bool, gone: bool, perhaps: bool) -> None:
    book = Book()
    for verb, answer in calls:
        book.note(call(verb, answer))
    expected = expected_of("north", {}, [book])
    assert (bool(expected.held), bool(expected.gone), bool(expected.perhaps)) == (held, gone, perhaps)


def test_the_judge_sees_what_is_lost_doubled_priced_otherwise_and_never_asked_for() -> None:
    expected = Expected(held={"a": 4, "b": 5}, gone={"c"}, perhaps={"d": 1})
    assert expected.differences({"a": 4, "b": 5}) == expected.differences({"a": 4, "b": 5, "d": 1}) == []
    found = {"b": 1, "c": 4, "d": 5, "e": 1}
    assert [sentence[:1] for sentence in expected.differences(found)] == ["a", "b", "c", "d", "e"]


def test_a_503_without_retry_after_and_an_error_that_is_no_problem_are_wrong() -> None:
    body = {"type": "urn:licensing:problem:busy", "title": "Busy", "status": 503, "detail": "…", "trace_id": "0" * 32}
    headers = {"content-type": "application/problem+json"}
    assert judged(httpx.Response(503, json=body, headers={**headers, "retry-after": "2"})) == ("unavailable", "")
    assert judged(httpx.Response(503, json=body, headers=headers))[1] != ""
    assert judged(httpx.Response(502, text="Bad Gateway"))[1] != ""
    assert judged(httpx.Response(204)) == ("acknowledged", "")


@pytest.fixture
async def line() -> AsyncIterator[TcpProxy]:
    """A proxy before a server that gives everybody ANSWER for each byte."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1):
            writer.write(ANSWER)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    async with server, proxied((host, port)) as made:
        yield made


async def ask(line: TcpProxy) -> tuple[bytes, asyncio.StreamReader, asyncio.StreamWriter]:
    """What comes back within a moment, or until the line is cut."""
    reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
    writer.write(b"?")
    got = b""
    try:
        async with asyncio.timeout(0.3):
            while len(got) < len(ANSWER) and (piece := await reader.read(1000)):
                got += piece
    except (TimeoutError, ConnectionResetError):
        pass
    return got, reader, writer


async def test_the_network_carries_cuts_in_the_middle_stalls_and_carries_again(line: TcpProxy) -> None:
    whole, _, kept = await ask(line)
    assert whole == ANSWER
    line.cut_after(35)
    cut, reader, _ = await ask(line)
    assert len(cut) <= 35  # a reset may overtake what came before it
    with pytest.raises(ConnectionResetError):
        await reader.readexactly(1000)
    line.refuse()
    assert (await ask(line))[0] == b""
    line.resume()
    line.stall()
    nothing, reader, writer = await ask(line)
    assert nothing == b""
    line.resume()
    assert await reader.readexactly(len(ANSWER)) == ANSWER
    assert line.cuts >= 2
    for each in (kept, writer):
        each.close()
