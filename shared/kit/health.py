"""/livez: the process runs. /readyz: it can work (its store answers, its schema is at the head, and what else the service needs)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

Check = Callable[[], Awaitable[str | None]]
"""None when all is well, else what is missing."""

HEALTH_PATHS = frozenset({"/livez", "/readyz", "/metrics"})
"""What a process answers from its first moment to its last."""

NEEDED_TO_START = ("database", "schema")

TOLD_ONLY = frozenset({"broker"})
"""Checks that take no process out of service: requests are answered without a broker, and facts wait in the outbox."""

_CHECK_SECONDS = 3.0


class Health(BaseModel):
    """What was looked at, and what is wrong with it (null: nothing)."""

    status: Literal["ok", "unavailable"]
    checks: dict[str, str | None]


async def health_of(checks: Mapping[str, Check]) -> Health:
    """Run every check, side by side; an exception is a finding, and so is silence. What is TOLD_ONLY leaves the status ok."""
    found = dict(zip(checks, await asyncio.gather(*map(_finding, checks.values())), strict=True))
    missing = [name for name, finding in found.items() if finding and name not in TOLD_ONLY]
    return Health(status="unavailable" if missing else "ok", checks=found)


async def _finding(check: Check) -> str | None:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            return await check()
    except Exception as error:
        return type(error).__name__


def health_router() -> APIRouter:
    """The two health routes and the metrics; outside the published contract, as every service has them."""
    router = APIRouter(include_in_schema=False)

    @router.get("/livez")
    async def live() -> Health:
        return Health(status="ok", checks={})

    @router.get("/readyz")
    async def ready(request: Request, response: Response) -> Health:
        kit = request.app.state.kit
        # Before the start the other checks would ask what is not there yet.
        looked_at = {name: kit.checks[name] for name in ("process", *NEEDED_TO_START)} if kit.life.starting else kit.checks
        health = await health_of(looked_at)
        response.status_code = 200 if health.status == "ok" else 503
        return health

    @router.get("/metrics")
    async def metrics(request: Request) -> Response:
        body, content_type = await request.app.state.kit.metrics.exposition(request.headers.get("accept", ""))
        return Response(body, media_type=content_type)

    return router
