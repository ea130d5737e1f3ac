"""Builds the gateway out of the upstreams it is given: the contracts that they published, and the applications that answer."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

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
from shared.kit.app import Background, Kit, Plan, build_app
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


@runtime_checkable
class Remote(Protocol):
    """An upstream that has to be started, and closed at the end."""

    async def start(self) -> None: ...

    async def close(self) -> None: ...


def create_app(
    settings: GatewaySettings,
    bus: Bus,
    clock: Clock,
    metrics: Metrics,
    *,
    upstreams: Mapping[str, ASGIApp],
    contracts: Mapping[str, Document] | None = None,
    issuer: IdentityIssuer | None = None,
) -> FastAPI:
    """The gateway as an ASGI application, over ``upstreams`` by the names under which they published their contracts.

    ``contracts``: theirs, the committed ones by default. ``issuer``: who signs for the callers, by default with the key of the
    settings. Raises SurfaceClash, UnusableIdentityKeys.
    """
    forwarder = Forwarder(upstreams)
    issuer = issuer or _issuer_of(settings)
    remote = _remote_in(upstreams.values())
    plan = Plan(
        service=OWN,
        title="Gateway",
        migrations=MIGRATIONS,
        routers=[callers.router, pages.router],
        problems=PROBLEMS,
        checks={name: _ready(name, upstream) for name, upstream in upstreams.items()},
        on_start=[*first_caller_of(settings), *map(_starting, remote)],
        on_stop=[upstream.close for upstream in remote],
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


def _remote_in(upstreams: Iterable[object]) -> list[Remote]:
    return [upstream for upstream in upstreams if isinstance(upstream, Remote)]


def _starting(upstream: Remote) -> Background:
    async def start(_kit: Kit) -> None:
        await upstream.start()

    return start


def _ready(name: str, upstream: ASGIApp) -> Check:
    # Never closed: a client of an application in this process holds nothing open.
    client = httpx.AsyncClient(transport=httpx.ASGITransport(upstream), base_url=f"http://{name}")

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
