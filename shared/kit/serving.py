"""One service as a process of its own: ``python -m services.ledger serve``.

Must not be broken: the order. The address is taken first. /livez and /readyz answer while the start still waits for its store. At the
end /readyz says so first, then requests are finished, then the bus lets go (deliveries under way are finished), and only then do
relay, timers and the database end.
"""

import asyncio
import gc
import signal
from contextlib import AsyncExitStack
from typing import Protocol

import uvloop
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.kit import server
from shared.kit.app import Kit
from shared.kit.bus import Bus
from shared.kit.clock import Clock, SystemClock
from shared.kit.health import HEALTH_PATHS, NEEDED_TO_START, health_of
from shared.kit.life import CannotStart, Life
from shared.kit.listening import listening_socket
from shared.kit.logs import configure_logs, log_of
from shared.kit.memory_bus import MemoryBus
from shared.kit.metrics import Metrics
from shared.kit.problems import problem_response
from shared.kit.rabbit import RabbitBus
from shared.kit.settings import BrokerSettings, ProcessSettings
from shared.kit.store_faults import is_collision, is_store_failure
from shared.kit.tasks import ended

_log = log_of("process")
_LOOK_AGAIN_SECONDS = 0.5


class Build(Protocol):
    """Makes the application; nothing is connected by that. Raises CannotStart."""

    def __call__(self, bus: Bus, clock: Clock, metrics: Metrics) -> FastAPI: ...


def serve(build: Build, process: ProcessSettings, broker: BrokerSettings | None) -> None:
    """Run until SIGTERM or Ctrl-C. ``broker``: None for what neither hears nor tells. Raises CannotStart."""
    configure_logs()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_run(build, process, broker))
    except CannotStart:
        raise
    except Exception as error:
        _log.error("process-failed", exc_info=error)
        raise SystemExit(1) from error


async def _run(build: Build, process: ProcessSettings, broker: BrokerSettings | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with listening_socket(process.host, process.port) as bound:
        metrics = Metrics()
        bus = RabbitBus(broker.amqp_url.get_secret_value(), metrics, declare=broker.declare_topology) if broker else MemoryBus()
        app = build(bus, SystemClock(), metrics)
        kit: Kit = app.state.kit
        _check_identity(kit)
        if isinstance(bus, RabbitBus):
            kit.checks["broker"] = bus.check
        kit.life.starting = True
        async with AsyncExitStack() as undo:
            undo.push_async_callback(kit.database.close)
            lifespan = await undo.enter_async_context(AsyncExitStack())
            undo.push_async_callback(bus.close)
            starting = asyncio.create_task(_start(app, bus, lifespan), name="start")
            undo.push_async_callback(ended, [starting])
            starting.add_done_callback(lambda start: stop.set() if not start.cancelled() and start.exception() else None)
            _log.info("listening", service=kit.plan.service, host=process.host, port=process.port)
            # Nobody sends requests to a process that never was ready: there is nobody to wait for.
            await server.serve(
                _UntilStarted(app, kit.life), bound, stop, kit.life, lambda: 0 if kit.life.starting else process.drain_seconds
            )
            if starting.done():
                starting.result()
    _log.info("stopped", service=kit.plan.service)


def _check_identity(kit: Kit) -> None:
    settings = kit.settings
    if kit.plan.verifier is None and settings.identity_keys_file is None and settings.identity_keys is None:
        raise CannotStart("LICENSING_IDENTITY_KEYS_FILE is not set: without the gateway's public keys anybody could say who calls.")


async def _start(app: FastAPI, bus: Bus, lifespan: AsyncExitStack) -> None:
    """Enter the application's lifespan as soon as its store is there and of this release. Raises what waiting would not mend."""
    kit: Kit = app.state.kit
    if isinstance(bus, RabbitBus):
        await bus.start()
    told = None
    while finding := await _tried(app, lifespan):
        if finding != told:
            _log.warning("start-waits", service=kit.plan.service, finding=finding)
            told = finding
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    # What is there now stays as long as the process: looked through again and again it would cost a bulk half of its time.
    gc.collect()
    gc.freeze()
    kit.life.starting = False
    _log.info("started", service=kit.plan.service)


async def _tried(app: FastAPI, lifespan: AsyncExitStack) -> str | None:
    """None once the lifespan was entered, else what it waits for."""
    kit: Kit = app.state.kit
    health = await health_of({name: kit.checks[name] for name in NEEDED_TO_START})
    if missing := [f"{name}: {finding}" for name, finding in health.checks.items() if finding]:
        return "; ".join(missing)
    try:
        await lifespan.enter_async_context(app.router.lifespan_context(app))
    except Exception as error:
        if is_store_failure(error) or is_collision(error):
            return f"database: {type(error).__name__}"
        raise
    return None


class _UntilStarted:
    """Only the health and the figures, until the application may work."""

    def __init__(self, app: ASGIApp, life: Life) -> None:
        self._app = app
        self._life = life

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if self._life.starting and scope["type"] == "http" and scope["path"] not in HEALTH_PATHS:
            detail = "The service is starting; /readyz says what it waits for. Nothing was done; try again in 2 s."
            app = problem_response("starting", 503, "Starting", detail, headers={"Retry-After": "2"})
        await app(scope, receive, send)
