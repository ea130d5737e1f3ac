"""How long a request may take until its answer begins: said by the gateway, counted down from one service to the next.

Must not be broken: at the deadline the caller hears, whatever the work behind it does; that is told to end, and nobody waits for it.
"""

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.kit.logs import log_of

_log = log_of("deadline")
DEADLINE_HEADER = "licensing-deadline"
"""Seconds that are left, as a decimal number; what arrives from outside under this name is dropped at the gateway."""

_SECONDS = re.compile(rb"\d{1,6}(\.\d{1,6})?")


@dataclass
class _Due:
    """Changed where the time begins anew, so that everybody who works for the request knows."""

    at: float


_current: ContextVar[_Due | None] = ContextVar("deadline", default=None)


def deadline_from_header(value: bytes | None) -> float | None:
    """Seconds; None where no deadline is given, or none that can be read."""
    return float(value) if value is not None and _SECONDS.fullmatch(value) else None


def deadline_in_header(seconds: float) -> str:
    return f"{max(0.0, seconds):.3f}"


def seconds_left() -> float | None:
    """Until the deadline of the request under way, 0 when it has passed; None where it has none."""
    due = _current.get()
    return None if due is None else max(0.0, due.at - asyncio.get_running_loop().time())


@contextmanager
def due_in(seconds: float | None) -> Iterator[None]:
    """Everything inside is to be answered in this time."""
    told = _current.set(None if seconds is None else _Due(asyncio.get_running_loop().time() + seconds))
    try:
        yield
    finally:
        _current.reset(told)


async def answer_in_time(seconds: float, app: ASGIApp, scope: Scope, receive: Receive, send: Send, too_late: Callable[[], ASGIApp]) -> None:
    """Have ``app`` answer; unless it begins to within ``seconds``, say ``too_late`` at once and cancel it.

    Until the request's body has arrived the time is the client's: each piece begins it anew. An answer that has begun
    takes as long as it takes.
    """
    await _Timed(app, scope, receive, send, too_late).run(seconds)


class _Timed:
    """One request against the clock."""

    def __init__(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send, too_late: Callable[[], ASGIApp]) -> None:
        self._app = app
        self._scope = scope
        self._receive = receive
        self._send = send
        self._too_late = too_late
        self._began = False
        self._saying: asyncio.Task[None] | None = None

    async def run(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._seconds = seconds
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._timer = self._loop.call_later(seconds, self._time_is_up)
        cancelled_before = task.cancelling()
        try:
            await self._app(self._scope, self._hear, self._say)
        except asyncio.CancelledError:
            if self._saying is None or task.cancelling() > cancelled_before + 1:
                raise  # somebody else told this task to end
        except Exception as error:
            if self._saying is None:
                raise
            _log.warning("failed-after-its-deadline", path=self._scope["path"], error=repr(error))
        finally:
            self._timer.cancel()
            if self._saying is not None:
                task.uncancel()
                await self._saying

    def _time_is_up(self) -> None:
        # Said by a task of its own: what is cancelled may take its time over it, with a store that hangs some seconds.
        self._saying = self._loop.create_task(self._say_too_late())
        self._task.cancel()

    async def _say_too_late(self) -> None:
        await self._too_late()(self._scope, self._receive, self._send)

    async def _hear(self) -> Message:
        if self._saying is not None:
            return {"type": "http.disconnect"}
        message = await self._receive()
        if message["type"] == "http.request" and not self._began and self._saying is None:
            self._timer.cancel()
            self._timer = self._loop.call_later(self._seconds, self._time_is_up)
            if due := _current.get():
                due.at = self._loop.time() + self._seconds
        return message

    async def _say(self, message: Message) -> None:
        if self._saying is not None:
            return
        if message["type"] == "http.response.start":
            self._began = True
            self._timer.cancel()
        await self._send(message)
