"""What tests of whole services share: a running application, a bus that remembers, and waiting for a condition."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

import httpx
from fastapi import FastAPI

from shared.contracts.base import Envelope, Event
from shared.kit.logs import configure_logs
from shared.kit.memory_bus import MemoryBus

T = TypeVar("T")
E = TypeVar("E", bound=Event)
ROOT = Path(__file__).parents[1]
PATIENCE_SECONDS = 20.0


async def eventually(look: Callable[[], Awaitable[T]], what: str) -> T:
    """Look again and again until ``look`` answers something true; fails with ``what`` when it never does."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while True:
        seen = await look()
        if seen:
            return seen
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"did not happen: {what}; last seen: {seen!r}")
        await asyncio.sleep(0.01)


class RememberingBus(MemoryBus):
    """The memory bus, and everything that was ever published on it."""

    def __init__(self) -> None:
        super().__init__()
        self.envelopes: list[Envelope] = []

    async def publish(self, envelope: Envelope) -> None:
        self.envelopes.append(envelope)
        await super().publish(envelope)

    def heard(self, kind: type[E]) -> list[E]:
        """The facts of one kind so far."""
        return [kind.model_validate(e.data) for e in self.envelopes if e.type == kind.type]

    async def hear(self, kind: type[E], count: int = 1) -> list[E]:
        """Wait until ``count`` facts of a kind were published."""

        async def look() -> list[E]:
            facts = self.heard(kind)
            return facts if len(facts) >= count else []

        return await eventually(look, f"{count} × {kind.type}")

    async def say(self, event: Event) -> None:
        """Publish a fact as its owner would, and wait until every reader has it."""
        from shared.kit.clock import SystemClock
        from shared.kit.transaction import envelope_of

        await self.publish(envelope_of(event, event.type.split(".")[0], SystemClock().now()))


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Start a service, talk to it, stop it."""
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            yield client


class _Lines(StringIO):
    """A log that is read as it is written."""

    def __init__(self, lines: list[dict[str, Any]]) -> None:
        super().__init__()
        self._lines = lines

    def write(self, text: str) -> int:
        self._lines += [json.loads(line) for line in text.splitlines()]
        return len(text)


@contextmanager
def logged() -> Iterator[list[dict[str, Any]]]:
    """Every line of the logs meanwhile, as a process writes them."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    lines: list[dict[str, Any]] = []
    configure_logs(_Lines(lines))
    try:
        yield lines
    finally:
        root.handlers = handlers
        root.setLevel(level)
