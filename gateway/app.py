"""Builds the gateway out of the upstreams it is given: the contracts that they published, and the applications that answer."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import httpx
from fastapi import FastAPI
from starlette.types import ASGIApp

from gateway import pages
from gateway.domain.caller import CallerExists, ForeignScope, LastAdmin
from gateway.entrance import OWN, Admission, Entrance
from gateway.first_keys import first_caller_of
from gateway.forwarding import Forwarder
from gateway.key_ring import KeyRing
from gateway.published import published_contract
from gateway.route_table import RouteTable
from gateway.routes import callers
from gateway.settings import GatewaySettings
from gateway.surface import DEFAULT_LARGEST_BODY_BYTES, Document, Operation, compose
from shared.kit.app import Background, Plan, build_app
from shared.kit.bus import Bus
from shared.kit.clock import Clock
from shared.kit.health import Check
from shared.kit.identity import IdentityIssuer, IdentityVerifier
from shared.kit.metrics import Metrics
from shared.kit.problems import ProblemTable, Rule

MIGRATIONS = Path(__file__).parent / "migrations"

PROBLEMS = ProblemTable(
    {
        ForeignScope: Rule("forbidden", 403, "Forbidden"),
        CallerExists: Rule("caller-exists", 409, "The caller exists"),
        LastAdmin: Rule("last-admin", 409, "The last caller that manages callers stays"),
    }
)
_OPEN_PAGES = ("/", "/docs", "/docs/assets/{name}", "/openapi.json", "/livez", "/readyz")
_PAGES = [
    *(Operation(OWN, "GET", path, path, (), DEFAULT_LARGEST_BODY_BYTES) for path in _OPEN_PAGES),
    Operation(OWN, "GET", "/metrics", "/metrics", ("viewer",), DEFAULT_LARGEST_BODY_BYTES),
]


def create_app(
    settings: GatewaySettings,
    bus: Bus,
    clock: Clock,
    metrics: Metrics,
    *,
    upstreams: Mapping[str, ASGIApp],
    contracts: Mapping[str, Document] | None = None,
    issuer: IdentityIssuer | None = None,
    on_start: Sequence[Background] = (),
    on_stop: Sequence[Callable[[], Awaitable[None]]] = (),
) -> FastAPI:
    """The gateway as an ASGI application, over ``upstreams`` by the names under which they published their contracts.

    ``contracts``: theirs, the committed ones by default. ``issuer``: who signs for the callers, by default with the key of the
    settings. ``on_start``, ``on_stop``: what the upstreams need. Raises SurfaceClash, UnusableIdentityKeys.
    ``app.state.kit.life.stop()`` begins a shutdown: not ready any more, event streams ended.
    """
    forwarder = Forwarder(upstreams)
    issuer = issuer or _issuer_of(settings)
    clients = {name: _client_of(name, upstream) for name, upstream in upstreams.items()}

    plan = Plan(
        service=OWN,
        title="Gateway",
        migrations=MIGRATIONS,
        routers=[callers.router, pages.router],
        problems=PROBLEMS,
        checks={name: _ready(client) for name, client in clients.items()},
        on_start=[*first_caller_of(settings), *on_start],
        on_stop=[partial(_closed, clients.values()), *on_stop],
        verifier=IdentityVerifier(issuer.public_keys),
    )
    app = build_app(plan, settings, bus, clock, metrics)
    known = contracts if contracts is not None else {name: published_contract(name) for name in upstreams}
    surface = compose({OWN: app.openapi(), **known})
    app.openapi = lambda: surface.document  # type: ignore[method-assign]  # what /openapi.json answers
    app.state.surface = surface
    app.state.forwarder = forwarder
    app.state.kit.life.when_stopping(forwarder.stop)
    app.state.keys = KeyRing(app.state.kit.database, settings.key_cache_seconds)
    admission = Admission(RouteTable([*surface.operations, *_PAGES]), app.state.keys, forwarder, settings, metrics, issuer)
    app.add_middleware(Entrance, admission=admission)
    return app


def _issuer_of(settings: GatewaySettings) -> IdentityIssuer:
    return IdentityIssuer.in_memory() if settings.identity_key_file is None else IdentityIssuer.from_file(settings.identity_key_file)


def _client_of(name: str, upstream: ASGIApp) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(upstream), base_url=f"http://{name}")


async def _closed(clients: Iterable[httpx.AsyncClient]) -> None:
    await asyncio.gather(*(client.aclose() for client in clients))


def _ready(client: httpx.AsyncClient) -> Check:
    async def ready() -> str | None:
        answer = await client.get("/readyz")
        if answer.status_code == httpx.codes.OK:
            return None
        try:
            checks = answer.json()["checks"]
            return "; ".join(f"{name}: {finding}" for name, finding in checks.items() if finding)
        except (ValueError, KeyError, AttributeError):
            return f"status {answer.status_code}"

    return ready
