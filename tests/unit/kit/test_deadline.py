"""Deadlines: who asks hears in time, whatever the work behind it does."""

import asyncio
from collections.abc import Callable

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.kit.deadline import answer_in_time, deadline_from_header, deadline_in_header, due_in, seconds_left

SHORT = 0.02
LONG = 600.0
TOO_LATE = PlainTextResponse("too late", 503)


class Client:
    """Sends what it is told to, and hears."""

    def __init__(self) -> None:
        self.to_app: asyncio.Queue[Message] = asyncio.Queue()
        self.heard: asyncio.Queue[Message] = asyncio.Queue()

    def asks(self, app: ASGIApp, seconds: float) -> "asyncio.Task[None]":
        scope: Scope = {"type": "http", "method": "GET", "path": "/x", "headers": []}
        return asyncio.create_task(answer_in_time(seconds, app, scope, self.to_app.get, self.heard.put, lambda: TOO_LATE))

    async def hears(self) -> Message:
        return await asyncio.wait_for(self.heard.get(), 20)


@pytest.fixture
def client() -> Client:
    return Client()


async def ended(task: "asyncio.Task[None]") -> None:
    await asyncio.wait_for(task, 20)


async def never(_scope: Scope, _receive: Receive, _send: Send) -> None:
    await asyncio.Event().wait()


async def test_an_answer_in_time_passes(client: Client) -> None:
    await ended(client.asks(PlainTextResponse("fine"), LONG))
    assert [(await client.hears())["type"], (await client.hears())["body"]] == ["http.response.start", b"fine"]
    assert client.heard.empty()


async def test_work_without_an_answer_is_ended_and_told_of(client: Client) -> None:
    await ended(client.asks(never, SHORT))
    assert [(await client.hears())["status"], (await client.hears())["body"]] == [503, b"too late"]


async def test_who_had_it_answered_goes_on_as_if_nothing_had_been_cancelled(client: Client) -> None:
    await answer_in_time(SHORT, never, {"type": "http", "path": "/x"}, client.to_app.get, client.heard.put, lambda: TOO_LATE)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


@pytest.mark.parametrize("how", ["goes on", "fails"])
async def test_work_that_does_not_end_when_it_is_told_to_holds_up_nobody(client: Client, how: str) -> None:
    cleaned = asyncio.Event()

    async def slow_to_end(_scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await cleaned.wait()
        assert (await receive())["type"] == "http.disconnect"
        if how == "fails":
            raise ConnectionError("the store went away")
        await PlainTextResponse("at last")({"type": "http"}, receive, send)

    task = client.asks(slow_to_end, SHORT)
    assert [(await client.hears())["status"], (await client.hears())["body"]] == [503, b"too late"]
    assert not task.done()
    cleaned.set()
    await ended(task)
    assert client.heard.empty()  # one answer only


async def test_an_answer_that_has_begun_takes_as_long_as_it_takes(client: Client) -> None:
    go_on = asyncio.Event()

    async def streaming(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await go_on.wait()
        await send({"type": "http.response.body", "body": b"end"})

    task = client.asks(streaming, SHORT)
    assert (await client.hears())["status"] == 200
    await asyncio.sleep(SHORT * 2)  # past the deadline
    go_on.set()
    assert (await client.hears())["body"] == b"end"
    await ended(task)


async def test_a_piece_of_the_body_begins_the_time_anew(client: Client) -> None:
    handles: list[float] = []
    loop = asyncio.get_running_loop()
    later = loop.call_later

    async def reading(_scope: Scope, receive: Receive, send: Send) -> None:
        with due_in(0):
            while (await receive()).get("more_body"):
                pass
            assert (seconds_left() or 0) > LONG / 2  # what is asked of others then has its time too
        await PlainTextResponse("fine")({"type": "http"}, receive, send)

    def noting(delay: float, callback: Callable[..., None], *args: object) -> object:
        if delay == LONG:
            handles.append(delay)
        return later(delay, callback, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "call_later", noting)
        task = client.asks(reading, LONG)
        for more in (True, True, False):
            await client.to_app.put({"type": "http.request", "body": b"x", "more_body": more})
        await ended(task)
    assert len(handles) == 4  # at the beginning, and with each piece


async def test_what_fails_by_itself_is_not_hidden(client: Client) -> None:
    async def failing(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        await ended(client.asks(failing, LONG))
    assert client.heard.empty()


@pytest.mark.parametrize("seconds", [SHORT, LONG])
async def test_somebody_elses_cancellation_ends_the_task(client: Client, seconds: float) -> None:
    started, cleaned = asyncio.Event(), asyncio.Event()

    async def ending(_scope: Scope, _receive: Receive, _send: Send) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            if seconds == SHORT:
                await cleaned.wait()

    task = client.asks(ending, seconds)
    if seconds == SHORT:
        await client.hears()  # it is being ended already
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ended(task)


async def test_the_time_left_is_counted_down_and_ends_with_its_request() -> None:
    assert seconds_left() is None
    with due_in(LONG):
        first = seconds_left()
        assert first is not None
        assert 0 < first <= LONG
        with due_in(0):
            assert seconds_left() == 0
        with due_in(None):
            assert seconds_left() is None
    assert seconds_left() is None


@pytest.mark.parametrize(("value", "seconds"), [(b"1.500", 1.5), (b"0", 0.0), (b"15", 15.0), (b"-1", None), (b"1e9", None), (b"nan", None),
(b"inf", None),
                                                (b"", None), ("٣".encode(), None), (b" 1", None), (None, None)])  # fmt: skip
def test_what_is_no_number_of_seconds_is_no_deadline(value: bytes | None, seconds: float | None) -> None:
    assert deadline_from_header(value) == seconds


@pytest.mark.parametrize(("seconds", "header"), [(1.5, "1.500"), (0.0, "0.000"), (-1.0, "0.000"), (14.99999, "15.000")])
def test_seconds_in_a_header(seconds: float, header: str) -> None:
    assert deadline_in_header(seconds) == header
    assert deadline_from_header(header.encode()) is not None
