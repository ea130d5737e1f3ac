"""A service's own troubles, told to those who raise alarms. A failing store is told past the outbox, for the outbox is in it."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.contracts.base import Envelope
from shared.contracts.events.faults import DataStoreFailed, DataStoreRecovered, InternalErrorOccurred
from shared.kit.bus import Bus, BusClosed
from shared.kit.database import Database
from shared.kit.logs import log_of
from shared.kit.store_faults import is_collision, is_store_failure
from shared.kit.tasks import ended
from shared.kit.trace import current_trace
from shared.kit.transaction import envelope_of

_log = log_of("faults")
_ASK_AGAIN_SECONDS = 0.5
_TELL_SECONDS = 3.0
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class FaultEvents:
    """The event types in which a service tells of its troubles."""

    store_failed: type[DataStoreFailed]
    store_recovered: type[DataStoreRecovered]
    internal_error: type[InternalErrorOccurred]


class Faults:
    """Reports faults of one service. Without ``events`` they are logged only."""

    def __init__(self, service: str, database: Database, bus: Bus, events: FaultEvents | None) -> None:
        self._service = service
        self._database = database
        self._bus = bus
        self._events = events
        self._failed_at: datetime | None = None
        self._recovered_at: datetime | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def report(self, error: Exception, operation: str, *, unless_told_since: datetime | None = None) -> None:
        """Log an error that nobody foresaw and tell of it; collisions are logged only, they pass by themselves.

        ``unless_told_since``: when the store was last seen well. A failure that was told and over since then is this one.
        """
        correlation_id = current_trace().trace_id
        if is_collision(error):
            _log.warning("collision", service=self._service, operation=operation, error=repr(error))
        elif is_store_failure(error):
            if unless_told_since is not None and self._recovered_at is not None and self._recovered_at > unless_told_since:
                return
            self._store_failed(operation, correlation_id, error)
        else:
            _log.error("internal-error", service=self._service, operation=operation, exc_info=error)
            await self._tell_internal_error(operation, correlation_id, error)

    async def _tell_internal_error(self, operation: str, correlation_id: str, error: Exception) -> None:
        if self._events is None:
            return
        fact = self._events.internal_error(
            service=self._service,
            at=self._database.clock.now(),
            operation=operation,
            correlation_id=correlation_id,
            error=type(error).__name__,
        )
        try:
            # The caller waits for the answer meanwhile: a store that hangs must not keep it.
            async with asyncio.timeout(_TELL_SECONDS), self._database.transaction() as transaction:
                transaction.publish(fact)
        except Exception as second:
            if is_store_failure(second):  # it went away meanwhile: that is the graver news
                self._store_failed(operation, correlation_id, second)
            else:
                _log.error("internal-error-not-told", service=self._service, operation=operation, error=repr(second))

    def _store_failed(self, operation: str, correlation_id: str, error: Exception) -> None:
        if self._failed_at is not None:
            return  # told already; one failing period is one fact
        self._failed_at = self._database.clock.now()
        _log.error("data-store-failed", service=self._service, operation=operation, error=repr(error))
        if self._events is None:
            self._start(self._watch(self._failed_at))
            return
        fact = self._events.store_failed(
            service=self._service,
            at=self._failed_at,
            operation=operation,
            correlation_id=correlation_id,
            error=type(error).__name__,
        )
        # Not awaited: the bus keeps the fact until a reader's store took it, which may be the very store that failed.
        self._start(self._tell_bus(envelope_of(fact, self._service, self._failed_at)))
        self._start(self._watch(self._failed_at))

    async def _tell_bus(self, envelope: Envelope) -> None:
        """Until the bus has it: it is in no outbox, and the bus may be away when the store is."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                await self._bus.publish(envelope)
                return
            except BusClosed:
                return  # the process is stopping
            except Exception as error:
                _log.warning("fault-not-told-yet", service=self._service, type=envelope.type, error=repr(error))
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _watch(self, failed_at: datetime) -> None:
        """Wait until the store answers again, and say so."""
        while True:
            await asyncio.sleep(_ASK_AGAIN_SECONDS)
            try:
                await self._database.ping()
                if self._events is not None:
                    async with self._database.transaction() as transaction:
                        transaction.publish(self._events.store_recovered(service=self._service, at=transaction.now, failed_at=failed_at))
            except Exception as error:
                _log.info("data-store-still-away", service=self._service, error=repr(error))
                continue
            _log.warning("data-store-recovered", service=self._service)
            self._failed_at, self._recovered_at = None, self._database.clock.now()
            return

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("fault-not-told", service=self._service, error=repr(error))

    async def close(self) -> None:
        await ended(list(self._tasks))
