"""The live stream: every process reads each change once and hands it to all who listen there.

Must not be broken: nobody misses a change in silence. Who reads too slowly for a small buffer is let go, and comes back with the
position it had; a position that is forgotten already is answered with ``reset``, and the listener lists anew.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from fastapi.sse import format_sse_event

from services.alarms.domain.change import Change
from services.alarms.store import changes
from shared.kit.app import Kit
from shared.kit.database import Database
from shared.kit.logs import log_of

STREAM = "stream"
"""The background worker that reads what changed."""

_log = log_of("stream")
_BUFFER = 256
_AT_ONCE = 200
_READING_AT_ONCE = 2
"""Listeners that look into the store for where they are: after a restart all come back in one moment, and the others need it as well."""

_PAUSE_AFTER_FAILURE_SECONDS = 1.0
_RETRY_MILLISECONDS = 2000
_BEAT = b": beat\n\n"


@dataclass(eq=False, slots=True)
class _Listener:
    """``queue`` holds (position, bytes); None in it ends the listening."""

    queue: "asyncio.Queue[tuple[int, bytes] | None]" = field(default_factory=lambda: asyncio.Queue(_BUFFER))


class Stream:
    """All listeners of one process."""

    def __init__(self, beat_seconds: float, poll_seconds: float, most_listeners: int) -> None:
        self._beat_seconds = beat_seconds
        self._poll_seconds = poll_seconds
        self._most = most_listeners
        self._listeners: set[_Listener] = set()
        self._position: int | None = None
        self._turn = asyncio.Semaphore(_READING_AT_ONCE)

    def __len__(self) -> int:
        return len(self._listeners)

    @property
    def full(self) -> bool:
        return len(self._listeners) >= self._most

    async def run(self, kit: Kit) -> None:
        """Read what changes until cancelled; a store that is away is waited for."""
        wake = kit.database.waker(STREAM)
        kit.life.when_stopping(self.close)
        while True:
            wake.clear()
            try:
                await self._read(kit.database)
            except Exception as error:
                _log.warning("stream-interrupted", error=repr(error))
                await asyncio.sleep(_PAUSE_AFTER_FAILURE_SECONDS)
            try:
                await asyncio.wait_for(wake.wait(), self._poll_seconds)
            except TimeoutError:
                continue

    async def _read(self, database: Database) -> None:
        async with database.transaction() as tx:
            if self._position is None:
                self._begin_at(await changes.newest(tx))
            assert self._position is not None
            found = await changes.behind(tx, self._position, _AT_ONCE)
        for change in found:
            self._position = change.position
            said = _said(change)
            for listener in list(self._listeners):
                self._hand(listener, (change.position, said))
        if len(found) == _AT_ONCE:
            database.waker(STREAM).set()

    def _begin_at(self, position: int) -> int:
        """Where the reading stands; ``position`` where nothing was read yet: what comes behind the first listener's is handed to it."""
        if self._position is None:
            self._position = position
        return self._position

    def _hand(self, listener: _Listener, what: tuple[int, bytes]) -> None:
        try:
            listener.queue.put_nowait(what)
        except asyncio.QueueFull:
            self._let_go(listener)

    def _let_go(self, listener: _Listener) -> None:
        """What it has not read is dropped with it: it comes back with its own position."""
        self._listeners.discard(listener)
        while not listener.queue.empty():
            listener.queue.get_nowait()
        listener.queue.put_nowait(None)

    def close(self) -> None:
        """End all listening."""
        for listener in list(self._listeners):
            self._let_go(listener)

    async def listen(self, database: Database, last: int | None) -> AsyncIterator[bytes]:
        """The stream behind position ``last``, or from now on: first what was missed, then what comes; a beat where nothing does."""
        listener = _Listener()
        self._listeners.add(listener)  # before the store is read: nothing may fall in between
        try:
            async with self._turn:
                position, newest, begin = await _begin(database, last)
            newest = max(newest, self._begin_at(newest))  # what was read before the first reading was handed to nobody
            yield begin
            while position < newest:
                async with self._turn:
                    found = await _behind(database, position)
                for change in found:
                    position = change.position
                    yield _said(change)
                newest = newest if found else position
            while True:
                try:
                    came = await asyncio.wait_for(listener.queue.get(), self._beat_seconds)
                except TimeoutError:
                    yield _BEAT
                    continue
                if came is None:
                    return
                if came[0] > position:
                    position, text = came
                    yield text
        finally:
            self._listeners.discard(listener)


async def _behind(database: Database, position: int) -> list[Change]:
    async with database.transaction() as tx:
        return list(await changes.behind(tx, position, _AT_ONCE))


async def _begin(database: Database, last: int | None) -> tuple[int, int, bytes]:
    """Where to go on, how far it goes, and what to say first. ``reset``: the position is not known here (any more), so list anew."""
    async with database.transaction() as tx:
        newest, oldest = await changes.newest(tx), await changes.oldest(tx)
    if last is None:
        return newest, newest, _event("ready", newest, {})
    if last > newest or last < oldest - 1:
        why = "what followed that position is not kept any more: list the alarms anew"
        return newest, newest, _event("reset", newest, {"reason": why})
    return last, newest, _event("ready", last, {})


def _event(name: str, position: int, data: dict[str, str]) -> bytes:
    return format_sse_event(event=name, id=str(position), data_str=json.dumps(data), retry=_RETRY_MILLISECONDS)


def _said(change: Change) -> bytes:
    data = json.dumps(change.alarm, ensure_ascii=False, separators=(",", ":"))
    return format_sse_event(event=change.what, id=str(change.position), data_str=data)
