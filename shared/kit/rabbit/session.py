"""Keeps one connection to the broker up: connect, set up, wait for the loss, begin anew after a growing pause.

Plain connections, not the client's robust ones: what is declared and consumed then stands in one place, and a consumer that the broker
cancels (its queue was deleted, its leader moved) or a closed channel is a loss like any other.

Must not be broken: no address is logged, for a password may stand in it.
"""

import asyncio
import logging
import random
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection
from yarl import URL

from shared.kit.logs import log_of
from shared.kit.seldom import Seldom
from shared.kit.tasks import ended

_log = log_of("rabbit")
_CONNECT_SECONDS = 5.0
SET_UP_SECONDS = 10.0
"""A broker that accepts and then says nothing is no broker."""

_CLOSE_SECONDS = 1.0
_HEARTBEAT_SECONDS = 10
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 3.0


class Session(ABC):
    """What is done with one connection, for as long as it lasts, again and again."""

    def __init__(self, url: str, name: str) -> None:
        self._url = str(URL(url).update_query(heartbeat=_HEARTBEAT_SECONDS))
        self._name = name
        self._task: asyncio.Task[None] | None = None
        self._seldom = Seldom()
        self.up = asyncio.Event()
        self.trouble = "not connected yet"
        """Why it is not up, when it is not."""

    @abstractmethod
    async def _use(self, connection: AbstractConnection, lost: asyncio.Event) -> None:
        """Set up, say ``_works``, and return when ``lost`` is set; whatever is raised ends the connection too."""

    async def start(self) -> None:
        """Begin to connect; returns at once."""
        logging.getLogger("aiormq.connection").addFilter(_not_told_by_us)
        self._task = asyncio.create_task(self._run(), name=self._name)

    async def _run(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                with noticed_as_loss():
                    await self._once()
            except TimeoutError:
                self.trouble = "it does not answer in time"
            except Exception as error:
                self.trouble = repr(error)
            if self.up.is_set():
                pause = _FIRST_PAUSE_SECONDS
            self.up.clear()
            if (left_out := self._seldom.left_out(self.trouble)) is not None:
                _log.warning("broker-away", session=self._name, trouble=self.trouble, left_out=left_out)
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 -- spreads retries, protects nothing
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _once(self) -> None:
        async with self._connected() as connection:
            lost = asyncio.Event()
            ends_with(connection, lost)
            await self._use(connection, lost)
            self.trouble = "the connection was lost"

    def _works(self) -> None:
        """For ``_use``: what was to be set up is."""
        self.up.set()
        _log.info("broker-there", session=self._name)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[AbstractConnection]:
        connection = aio_pika.Connection(URL(self._url), client_properties={"connection_name": self._name})
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await connection.connect()
            yield connection
        finally:
            await _closed(connection)

    async def close(self) -> None:
        if self._task is not None:
            await ended([self._task])
        self.up.clear()


def _not_told_by_us(record: logging.LogRecord) -> bool:
    """The client says at each try that it could not connect."""
    return not str(record.msg).startswith("error when creating transport")


@contextmanager
def noticed_as_loss() -> Iterator[None]:
    """The client cancels what is under way on a connection that we close: for who waits that is a loss, and not the order to end."""
    try:
        yield
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise ConnectionError("the connection was closed meanwhile") from None


def ends_with(one: AbstractConnection | AbstractChannel, lost: asyncio.Event) -> None:
    """The whole session is lost when this one closes."""
    one.close_callbacks.add(lambda *_: lost.set())


async def _closed(connection: AbstractConnection) -> None:
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):  # a broker that hangs does not say good-bye
            await connection.close()
    except Exception as error:
        _log.info("connection-not-closed", error=repr(error))
