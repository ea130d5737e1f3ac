"""A webhook's receiver that verifies with the reference library of Standard Webhooks, and answers as it is told to."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass
class Received:
    """``told``: the body, verified."""

    webhook_id: str
    told: dict[str, Any]
    headers: dict[str, str]


@dataclass
class WebReceiver:
    """``received``: what was verified. ``unverified``: what was not, and why. ``answer``: what to do instead of 204."""

    port: int = 0
    secret: str = SECRET
    received: list[Received] = field(default_factory=list)
    unverified: list[str] = field(default_factory=list)
    answer: Answer | None = None

    async def take(self, request: web.Request) -> web.StreamResponse:
        headers = dict(request.headers)
        text = await request.text()
        try:
            told = Webhook(self.secret).verify(text, headers)
        except WebhookVerificationError as error:
            self.unverified.append(str(error))
            return web.Response(status=401, text=str(error))
        self.received.append(Received(headers["webhook-id"], told, headers))
        return await self.answer(request) if self.answer else web.Response(status=204)


@asynccontextmanager
async def web_receiver(
    tls: ssl.SSLContext | None = None, *, noting: Callable[[Answer], Answer] = lambda take: take
) -> AsyncIterator[WebReceiver]:
    """On 127.0.0.1; ``tls``: what it shows. ``noting``: put around what takes a request."""
    receiver = WebReceiver()
    app = web.Application()
    app.router.add_route("*", "/{anywhere:.*}", noting(receiver.take))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    receiver.port = runner.addresses[0][1]
    try:
        yield receiver
    finally:
        await runner.cleanup()


def answering(status: int, text: str = "", headers: dict[str, str] | None = None) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=text, headers=headers)

    return answer


def dripping(status: int, ended: asyncio.Event) -> Answer:
    """The status at once, and a body that does not end before ``ended``."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=status)
        await response.prepare(request)
        await response.write(b"slowly")
        await ended.wait()
        return response

    return answer
