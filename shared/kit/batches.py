"""Group commit: what many callers ask of one key is done together, one batch a key at a time.

A batch takes whatever has queued up while the last one was committed; nobody waits for company. Keys are served in turn, a bounded
number of them at once, and what waits is bounded for each key and in all.

Must not be broken: a caller is answered after the commit of its batch and never before; one that gives up before its batch began is
left out of it, afterwards it does not disturb it; a command that breaks its batch fails alone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from shared.kit.logs import log_of
from shared.kit.store_faults import is_collision, is_store_failure
from shared.kit.trace import Trace, current_trace

Command = TypeVar("Command")
Answer = TypeVar("Answer")
_log = log_of("batches")


@dataclass
class Busy(Exception):
    """More is waiting already than may wait; nothing of this was done."""

    waiting: int

    def __str__(self) -> str:
        return f"{self.waiting} requests wait already, which is the limit. Nothing was changed; try again in 1 s."


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much at once. A command weighs 1 unless its caller says otherwise; all but ``keys_at_work`` are weights."""

    keys_at_work: int = 4
    in_batch: int = 1_000
    waiting_of_key: int = 40_000
    waiting: int = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class Asked(Generic[Command, Answer]):
    """A command, and on whose behalf: the trace of its caller."""

    command: Command
    weight: int
    trace: Trace
    answer: "asyncio.Future[Answer]" = field(repr=False)


Work = Callable[[str, Sequence[Asked[Command, Answer]]], Awaitable[Sequence[Answer | Exception]]]
"""Does a batch in one transaction; an outcome for each command, an exception where that one alone is refused."""


class Batches(Generic[Command, Answer]):
    """The queues of one kind of work."""

    def __init__(self, work: Work[Command, Answer], bounds: Bounds) -> None:
        self._work = work
        self._bounds = bounds
        self._queues: dict[str, dict[Asked[Command, Answer], None]] = {}
        self._weights: dict[str, int] = {}
        self._turns: dict[str, None] = {}  # keys that have work and are not at work, the next first
        self._at_work: dict[str, asyncio.Task[None]] = {}
        self._waiting = 0
        self._closed = False

    async def ask(self, key: str, command: Command, weight: int = 1) -> Answer:
        """The command's outcome, once its batch is committed. Raises Busy, the command's own exception, and what failed the batch."""
        bounds = self._bounds
        if self._closed or self._waiting + weight > bounds.waiting or self._weights.get(key, 0) + weight > bounds.waiting_of_key:
            raise Busy(self._waiting)
        asked: Asked[Command, Answer] = Asked(command, weight, current_trace(), asyncio.get_running_loop().create_future())
        self._queues.setdefault(key, {})[asked] = None
        self._weigh(key, weight)
        if key not in self._at_work:
            self._turns[key] = None
            self._begin()
        try:
            return await asked.answer
        except asyncio.CancelledError:
            self._drop(key, asked)
            raise

    async def close(self) -> None:
        """Let nobody in any more, and finish what waits."""
        self._closed = True
        while self._at_work:
            await asyncio.wait(list(self._at_work.values()))

    def _weigh(self, key: str, weight: int) -> None:
        self._waiting += weight
        left = self._weights.get(key, 0) + weight
        if left:
            self._weights[key] = left
        else:
            self._weights.pop(key, None)

    def _drop(self, key: str, asked: Asked[Command, Answer]) -> None:
        queue = self._queues.get(key, {})
        if asked in queue:  # its batch has not begun
            del queue[asked]
            self._weigh(key, -asked.weight)

    def _begin(self) -> None:
        while self._turns and len(self._at_work) < self._bounds.keys_at_work:
            key = next(iter(self._turns))
            del self._turns[key]
            # In a context of its own: the batch is not part of the request that happened to begin it.
            task = asyncio.get_running_loop().create_task(self._serve(key), name=f"batch of {key}", context=Context())
            self._at_work[key] = task

    async def _serve(self, key: str) -> None:
        """One batch, then the next key's turn."""
        try:
            batch = self._taken(key)
            if batch:
                await self._do(key, batch)
        finally:
            del self._at_work[key]
            if self._queues.get(key):
                self._turns[key] = None
            else:
                self._queues.pop(key, None)
            self._begin()

    def _taken(self, key: str) -> list[Asked[Command, Answer]]:
        """What goes into the next batch: at least one command, and no more weight than a batch may have."""
        queue = self._queues[key]
        batch: list[Asked[Command, Answer]] = []
        weight = 0
        for asked in queue:
            if batch and weight + asked.weight > self._bounds.in_batch:
                break
            batch.append(asked)
            weight += asked.weight
        for asked in batch:
            del queue[asked]
        self._weigh(key, -weight)
        return batch

    async def _do(self, key: str, batch: Sequence[Asked[Command, Answer]]) -> None:
        try:
            outcomes = await self._work(key, batch)
        except Exception as error:
            # What is no fault of a command would meet them one by one as well.
            if len(batch) == 1 or is_store_failure(error) or is_collision(error):
                outcomes = [error] * len(batch)
            else:
                _log.warning("batch-taken-apart", key=key, commands=len(batch), error=repr(error))
                for asked in batch:
                    if not asked.answer.done():
                        await self._do(key, [asked])
                return
        except BaseException:
            for asked in batch:
                asked.answer.cancel()
            raise
        assert len(outcomes) == len(batch)
        for asked, outcome in zip(batch, outcomes, strict=True):
            if asked.answer.done():
                continue  # its caller gave up meanwhile
            if isinstance(outcome, Exception):
                asked.answer.set_exception(outcome)
            else:
                asked.answer.set_result(outcome)
