"""Listeners of the live stream, as browsers and scripts are."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Said:
    what: str
    position: str
    alarm: dict[str, Any]


class Ear:
    """One listener."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def next(self) -> Said:
        """The next event; beats are passed over. Fails when none comes."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(PATIENCE_SECONDS):
            while "event" not in fields:
                fields = await self._block()
        return Said(fields["event"], fields["id"], json.loads(fields["data"]))

    async def _block(self) -> dict[str, str]:
        """The fields up to a blank line."""
        fields: dict[str, str] = {}
        while (line := (await self._answer.content.readline()).decode()) != "\n":
            assert line, "the stream ended"
            name, _, value = line.rstrip("\n").partition(": ")
            fields[name] = value
        return fields


@asynccontextmanager
async def ears(url: str, headers: Mapping[str, str], count: int, last: str | None = None) -> AsyncIterator[list[Ear]]:
    """So many listeners, each of which has heard that it is connected; ``last``: where they go on."""
    position = {"Last-Event-ID": last} if last is not None else {}
    no_end = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(
        headers={**headers, **position}, connector=aiohttp.TCPConnector(limit=0), timeout=no_end, read_bufsize=4096
    ) as session:
        answers = await asyncio.gather(*(session.get(f"{url}/v1/alarms/stream") for _ in range(count)))
        assert {answer.status for answer in answers} == {200}, [await answer.text() for answer in answers if answer.status != 200][:1]
        made = [Ear(answer) for answer in answers]
        assert {said.what for said in await asyncio.gather(*(ear.next() for ear in made))} == {"ready"}
        yield made
        for answer in answers:
            answer.close()
