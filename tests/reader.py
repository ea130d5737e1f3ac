"""A reader of a bus that fails as a test tells it, and remembers what it was given."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg

from shared.contracts.base import Envelope
from shared.kit.bus import Subscription

LIMIT = 3
FACT = "toy.fact.v1"


class Reader:
    """A subscriber that fails with ``errors``, one each time, and then takes what it is given; ``hold`` makes every delivery wait."""

    def __init__(self, *errors: Exception, types: tuple[str, ...] = (FACT,), service: str = "reader") -> None:
        self._errors = list(errors)
        self.tried = 0
        self.taken: list[Envelope] = []
        self.buried: list[tuple[Envelope, str]] = []
        self.burials_that_fail = 0
        self.hold: asyncio.Event | None = None
        self.subscription = Subscription(service, frozenset(types), self._deliver, self._bury, LIMIT)

    @property
    def subjects(self) -> list[str]:
        """Of what was taken, sorted: no order is promised."""
        return sorted(envelope.subject for envelope in self.taken)

    async def _deliver(self, envelope: Envelope) -> None:
        self.tried += 1
        if self.hold is not None:
            await self.hold.wait()
        if self._errors:
            raise self._errors.pop(0)
        self.taken.append(envelope)

    async def _bury(self, envelope: Envelope, error: str) -> None:
        if self.burials_that_fail:
            self.burials_that_fail -= 1
            raise asyncpg.CannotConnectNowError
        self.buried.append((envelope, error))


def envelope_of_type(kind: str = FACT, subject: str = "x", **more: Any) -> Envelope:
    """An envelope as the owner of its type would send it."""
    owner = kind.partition(".")[0]
    return Envelope.model_validate(
        {"id": uuid4(), "source": f"/{owner}", "type": kind, "subject": subject, "time": datetime.now(UTC), "data": {}, **more}
    )
