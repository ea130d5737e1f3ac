"""A webhook's receiver that misbehaves in one way until it is told to be well; what it hears is verified either way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from standardwebhooks.webhooks import Webhook

from tests.receivers.broken import Behaviour, broken, hang, slam, slow_web
from tests.receivers.certificates import Authority
from tests.receivers.web import SECRET
from tests.system.alarms.everybody import HOST


def answering(status: str) -> Behaviour:
    async def behaviour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        await reader.read()

    return behaviour


@dataclass
class Fickle:
    """``heard``: the ids of the messages, each time one came; ``holding``: connections that it has not let go of."""

    ill: Behaviour
    well: bool = False
    scheme: str = "http"
    port: int = 0
    heard: list[str] = field(default_factory=list)
    holding: int = 0

    @property
    def target(self) -> str:
        return f"{self.scheme}://{HOST}:{self.port}/{uuid4()}"

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.holding += 1
        try:
            self.heard.append(await _verified(reader))
            await (answering("204 No Content") if self.well else self.ill)(reader, writer)
        finally:
            self.holding -= 1


async def _verified(reader: asyncio.StreamReader) -> str:
    """The id of a message, when all of it has come. Raises WebhookVerificationError."""
    _, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").strip().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    body = await reader.readexactly(int(headers["content-length"]))
    Webhook(SECRET).verify(body, headers)
    return headers["webhook-id"]


@asynccontextmanager
async def misbehaving(stranger: Authority) -> AsyncIterator[dict[str, Fickle]]:
    """One of each, by what it does; ``stranger`` vouches for the one whose certificate nobody can check."""
    made = {
        "hangs": Fickle(hang),
        "drips": Fickle(slow_web),
        "is out of order": Fickle(answering("500 Internal Server Error")),
        "resets": Fickle(slam),
        "is gone": Fickle(answering("410 Gone")),
        "shows a stranger's certificate": Fickle(hang, scheme="https"),
    }
    async with _all_listening(list(made.values()), stranger):
        yield made


@asynccontextmanager
async def _all_listening(receivers: list[Fickle], stranger: Authority) -> AsyncIterator[None]:
    if not receivers:
        yield
        return
    first, *others = receivers
    async with broken(first, stranger.serving(HOST) if first.scheme == "https" else None) as first.port, _all_listening(others, stranger):
        yield
