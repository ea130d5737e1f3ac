"""A webhook's receiver for the length of the story, on this machine: it believes nothing that is not signed with its secret.

Not imported by the story itself, which is also played where no receiver can be reached.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from gateway.demo.telling import Told


@asynccontextmanager
async def receiver() -> AsyncIterator[Told]:
    """Listening on loopback; what it is told with a good signature is in ``told.heard``, anything else is answered with 401."""
    told = Told()

    async def take(request: web.Request) -> web.Response:
        text = await request.text()
        try:
            Webhook(told.secret).verify(text, dict(request.headers))
        except WebhookVerificationError as error:
            return web.Response(status=401, text=str(error))
        told.heard.append(json.loads(text))
        return web.Response(text="thank you")

    app = web.Application()
    app.router.add_post("/alarms", take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        told.target = f"http://127.0.0.1:{runner.addresses[0][1]}/alarms"
        yield told
    finally:
        await runner.cleanup()
