"""Receivers as a test wants them: what each got, and how each answers."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from services.alarms.domain.destination import Destination
from services.alarms.domain.message import Message
from services.alarms.domain.receipt import DeliveryFailed
from tests.house import eventually
from tests.service.alarms.facts import Alarms

Answer = Callable[[Message], Awaitable[str]]


async def takes_it(_message: Message) -> str:
    return "204"


async def fails(_message: Message) -> str:
    raise DeliveryFailed("500 out of order")


async def is_gone(_message: Message) -> str:
    raise DeliveryFailed("410 Gone", gone=True)


async def hangs(_message: Message) -> str:
    await asyncio.Event().wait()
    raise AssertionError("nobody ends this wait")


@dataclass
class Receivers:
    """In the place of the ways to real ones: by target, how it answers (``takes_it`` by default), and what reached it."""

    alarms: Alarms
    answers: dict[str, Answer] = field(default_factory=dict)
    got: dict[str, list[Message]] = field(default_factory=dict)

    async def send(self, destination: Destination, message: Message) -> str:
        self.got.setdefault(destination.target, []).append(message)
        return await self.answers.get(destination.target, takes_it)(message)

    async def add(self, target: str = "https://one.example/", answer: Answer = takes_it, **wanted: Any) -> str:
        """A webhook destination; its id."""
        self.answers[target] = answer
        made = await self.alarms.http.post("/v1/alarm-destinations", json={"kind": "webhook", "target": target, **wanted})
        assert made.status_code == 201, made.text
        destination_id: str = made.json()["destination_id"]
        return destination_id

    async def deliveries(self, **filters: Any) -> list[dict[str, Any]]:
        """The rows, oldest first."""
        answer = await self.alarms.http.get("/v1/alarm-deliveries", params={"limit": 200, **filters})
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items[::-1]

    async def become(self, count: int, state: str, **filters: Any) -> list[dict[str, Any]]:
        """Wait until there are ``count`` rows in a state."""

        async def look() -> list[dict[str, Any]]:
            found = await self.deliveries(state=state, **filters)
            return found if len(found) == count else []

        return await eventually(look, f"{count} deliveries {state}")

    async def expect(self, *occasions: str, target: str = "https://one.example/") -> list[Message]:
        """Wait until exactly these reached the target, in this order."""

        async def look() -> list[Message]:
            got = self.got.get(target, [])
            return got if len(got) >= len(occasions) else []

        got = await eventually(look, f"{target} hears {occasions}")
        assert [message.occasion for message in got] == list(occasions)
        return got

    async def due(self) -> None:
        """Have the courier look again, after the clock was moved."""
        self.alarms.app.state.kit.database.waker("courier").set()


def ids(rows: list[dict[str, Any]]) -> set[UUID]:
    return {UUID(row["delivery_id"]) for row in rows}
