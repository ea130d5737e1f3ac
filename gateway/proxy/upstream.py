"""The ASGI application in front of the addresses of one service."""

from collections.abc import Sequence
from urllib.parse import urlsplit

import aiohttp
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.proxy.addresses import Addresses, Full, Limits
from gateway.proxy.call import Call, broken_off
from shared.kit.metrics import Metrics
from shared.kit.problems import problem_response

_KEEP_SECONDS = 30.0
"""How long an idle connection is kept; less than the services keep theirs, so that none is closed just as it is used."""

_AUTOMATIC = frozenset({"User-Agent", "Accept", "Accept-Encoding", "Content-Type"})


class Upstream:
    """A service at ``urls`` (``http://ledger:8000``; a name counts as all its addresses). Between ``start`` and ``close`` it answers.

    An OSError: it could not be reached and nothing was sent. Any other exception: it broke, before the answer or in it.
    """

    def __init__(self, name: str, urls: Sequence[str], metrics: Metrics, limits: Limits | None = None) -> None:
        for url in urls:
            _check(name, url)
        self._name = name
        self._limits = limits or Limits()
        self._addresses = Addresses(name, urls, metrics, self._limits)
        self._repeated = metrics.counter(
            "license_upstream_repeated_total", "Requests that were sent to another address.", ["upstream"]
        ).labels(name)
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Look up the addresses and ask each for its health, which takes some seconds where one is silent; none need be there."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=_AUTOMATIC,
            middlewares=(broken_off,),
        )
        await self._addresses.start(self._session)

    async def close(self) -> None:
        await self._addresses.close()
        if self._session is not None:
            await self._session.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self._session is not None, f"{self._name} was not started"
        if scope["path"] == "/readyz":
            await self._readiness()(scope, receive, send)
            return
        call = Call(self._session, self._addresses, self._repeated, self._limits.connect_seconds)
        try:
            await call.run(scope, receive, send)
        except Full:
            await self._full()(scope, receive, send)

    def _readiness(self) -> ASGIApp:
        """Ready when one address is; /readyz of a service itself is asked in the background and never through here."""
        findings = self._addresses.findings()
        ready = None in findings.values()
        checks = {} if ready else findings or {"addresses": "none is known"}
        return JSONResponse({"status": "ok" if ready else "unavailable", "checks": checks}, 200 if ready else 503)

    def _full(self) -> ASGIApp:
        limit = self._limits.calls_per_address
        detail = f"{limit} requests are under way to each address of the {self._name} service, which is the limit. Nothing was done."
        return problem_response("busy", 503, "Busy", f"{detail} Try again in 1 s.", headers={"Retry-After": "1"})


def _check(name: str, url: str) -> None:
    parts = urlsplit(url)
    try:
        usable = parts.scheme == "http" and bool(parts.hostname) and (parts.port or 80) > 0 and parts.path in ("", "/")
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or parts.username:
        raise ValueError(f"{name} cannot be at {url!r}: an address is http://HOST:PORT and nothing more")
