"""Builds a service: one application with its doors, its store, its events, its timers and its health. Every create_app ends here."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from sqlalchemy import func, select
from starlette.types import ASGIApp

from shared.contracts.base import Problem
from shared.kit.boundary import Boundary
from shared.kit.bus import Bus
from shared.kit.clock import Clock
from shared.kit.consumers import Consumers, subscription_of
from shared.kit.database import Database
from shared.kit.faults import FaultEvents, Faults
from shared.kit.health import Check, health_router
from shared.kit.identity import IdentityVerifier
from shared.kit.life import Life
from shared.kit.metrics import Metrics, Refresh
from shared.kit.migrations import head_of, revision_in
from shared.kit.problems import PROBLEM_JSON, ProblemTable, install_problems
from shared.kit.relay import Relay
from shared.kit.settings import ServiceSettings
from shared.kit.tasks import ended
from shared.kit.timers import Timers, forget_old

_FORGET_SECONDS = 3600.0
Background = Callable[["Kit"], Awaitable[None]]


@dataclass(frozen=True)
class Plan:
    """What is a service's own: its name, doors, problems, and what it does besides answering."""

    service: str
    title: str
    migrations: Path
    routers: Sequence[APIRouter]
    problems: ProblemTable
    consumers: Consumers = field(default_factory=Consumers)
    timers: Timers = field(default_factory=Timers)
    faults: FaultEvents | None = None
    fleeting: frozenset[str] = frozenset()
    """Types of which the next fact says all that the one before it said: not kept once they are handed over."""
    checks: Mapping[str, Check] = field(default_factory=dict)
    on_start: Sequence[Background] = ()
    """Awaited before the service hears, tells or is ready; begun again where the store failed meanwhile."""
    background: Sequence[Background] = ()
    """Run beside it in every process until it stops (the timers run in one process only)."""
    on_stop: Sequence[Callable[[], Awaitable[None]]] = ()
    short_way: Callable[[ASGIApp], ASGIApp] | None = None
    """Laid around everything but the boundary: answers what is asked all day without the framework, and passes the rest on."""
    verifier: IdentityVerifier | None = None
    """Whose word for a caller is believed; by default that of the settings."""


@dataclass
class Kit:
    """The plumbing of a running service; ``app.state.kit``."""

    plan: Plan
    settings: ServiceSettings
    database: Database
    bus: Bus
    clock: Clock
    metrics: Metrics
    faults: Faults
    relay: Relay
    checks: dict[str, Check]
    life: Life

    @property
    def problems(self) -> ProblemTable:
        return self.plan.problems


def build_app(plan: Plan, settings: ServiceSettings, bus: Bus, clock: Clock, metrics: Metrics) -> FastAPI:
    """The service as an ASGI application; its lifespan starts and stops everything in it. Raises UnusableIdentityKeys."""
    database = Database(settings, plan.service, clock)
    faults = Faults(plan.service, database, bus, plan.faults)
    relay = Relay(database, bus, metrics, settings.outbox_poll_seconds, plan.fleeting)

    async def store() -> str | None:
        await database.ping()
        return None

    async def schema() -> str | None:
        revision, head = await revision_in(database.engine, plan.service), head_of(plan.migrations)
        return None if revision == head else f"the schema is at {revision}, this release needs {head}: run migrate"

    life = Life()
    checks: dict[str, Check] = {"process": life.check, "database": store, "schema": schema, **plan.checks}
    kit = Kit(plan, settings, database, bus, clock, metrics, faults, relay, checks, life)
    app = FastAPI(
        title=plan.title,
        version="1",
        lifespan=_lifespan_of(kit),
        generate_unique_id_function=_operation_id,
        responses={"default": {"model": Problem, "description": "A problem (RFC 9457).", "content": {PROBLEM_JSON: {}}}},
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # our own stand in the boundary
    )
    app.state.kit = kit
    metrics.before_scrape(plan.service, _measuring_events(database, metrics))
    verifier = plan.verifier or _verifier_of(settings)
    if plan.short_way is not None:
        app.add_middleware(plan.short_way)
    app.add_middleware(Boundary, service=plan.service, metrics=metrics, faults=faults, verifier=verifier)
    install_problems(app, plan.problems)
    app.include_router(health_router())
    for router in plan.routers:
        app.include_router(router)
    return app


def _verifier_of(settings: ServiceSettings) -> IdentityVerifier | None:
    if settings.identity_keys_file is not None:
        return IdentityVerifier.from_file(settings.identity_keys_file)
    return IdentityVerifier(settings.identity_keys) if settings.identity_keys is not None else None


def _measuring_events(database: Database, metrics: Metrics) -> Refresh:
    """Of what waits and of what died. Asked of the store: of several processes only one relays, and it may be the one that is stuck."""
    outbox, dead_letter = database.tables.outbox, database.tables.dead_letter
    age = func.extract("epoch", func.clock_timestamp() - outbox.c.created_at)
    oldest = select(age).order_by(outbox.c.sequence).limit(1).scalar_subquery()  # by its key: as cheap with a million rows as with one
    asked = select(oldest.label("oldest"), select(func.count()).select_from(dead_letter).scalar_subquery().label("dead"))

    async def measure() -> None:
        async with database.engine.connect() as connection:
            row = (await connection.execute(asked)).one()
        metrics.outbox_age.labels(database.schema).set(row.oldest or 0)
        metrics.dead_letters.labels(database.schema).set(row.dead)

    return measure


def _operation_id(route: APIRoute) -> str:
    """A function's name in camelCase: ``check_out_device`` is published as ``checkOutDevice``."""
    first, *rest = route.name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _lifespan_of(kit: Kit) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        plan = kit.plan
        for start in plan.on_start:
            await start(kit)
        plan.timers.every(_FORGET_SECONDS, forget_old(kit.database, kit.settings))
        if plan.consumers.types:
            await kit.bus.subscribe(subscription_of(plan.service, plan.consumers, kit.database, kit.metrics, kit.settings.delivery_limit))
        tasks = [
            asyncio.create_task(kit.relay.run(), name=f"{plan.service} relay"),
            asyncio.create_task(plan.timers.run(kit.database, kit.faults), name=f"{plan.service} timers"),
            *(asyncio.create_task(_ended(work(kit)), name=f"{plan.service} background") for work in plan.background),
        ]
        try:
            yield
        finally:
            await ended(tasks)
            await kit.faults.close()
            for stop in plan.on_stop:
                await stop()
            await kit.database.close()

    return lifespan


async def _ended(work: Awaitable[None]) -> None:
    await work
