"""Where a service answers: its addresses, looked up again and again, each asked for its health; and which one is next.

Must not be broken: an address that says it is not ready gets no new request while another one is, but nothing is refused
only because the last sign of life is old.
"""

import asyncio
import contextlib
import random
import socket
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp

from shared.kit.identity import SERVICE_HEADER
from shared.kit.logs import log_of
from shared.kit.metrics import Metrics
from shared.kit.tasks import ended

_log = log_of("proxy")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one upstream may take; times in seconds."""

    calls_per_address: int = 512
    """Requests under way to one address, event streams included."""

    wait_seconds: float = 1.0
    """How long a request waits when every address has as many as it may."""

    connect_seconds: float = 2.0
    ask_seconds: float = 1.0
    """Between two questions for the health of an address."""

    health_seconds: float = 2.0
    """For an answer to that question; two silences in a row take the address out, everything else does at once."""

    look_up_seconds: float = 3.0
    """Between two look-ups of a name."""


class Full(Exception):
    """Every address has as many requests under way as it may have."""


@dataclass(eq=False, slots=True)
class Address:
    """One place where the service answers. ``origin``: ``http://10.0.0.3:8000``; ``authority``: what it was given as."""

    origin: str
    authority: str
    finding: str | None = "not asked yet"
    """What speaks against it; None: it is ready."""
    under_way: int = 0
    silences: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    watching: "asyncio.Task[None] | None" = field(default=None, repr=False)


class Addresses:
    """All addresses of one upstream, and the requests under way to each."""

    def __init__(self, name: str, urls: Sequence[str], metrics: Metrics, limits: Limits) -> None:
        self._name = name
        self._limits = limits
        self._resolved: dict[str, list[tuple[str, str]]] = {url: [] for url in urls}
        self._known: dict[str, Address] = {}
        self._session: aiohttp.ClientSession | None = None
        self._looking: list[asyncio.Task[None]] = []
        self._freed = asyncio.Event()
        label = (name,)
        self._healthy = metrics.gauge("license_upstream_healthy_addresses", "Addresses that are ready.", ["upstream"]).labels(*label)
        self._under_way = metrics.gauge("license_upstream_requests_under_way", "Requests being answered.", ["upstream"]).labels(*label)
        self._healthy.set(0)

    async def start(self, session: aiohttp.ClientSession) -> None:
        """Look the addresses up and ask each once, for some seconds; from then on in the background."""
        self._session = session
        looked_up = {url: asyncio.Event() for url in self._resolved}
        self._looking = [
            asyncio.create_task(self._keep_looking(url, once), name=f"addresses of {self._name}") for url, once in looked_up.items()
        ]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limits.look_up_seconds):
                for once in looked_up.values():
                    await once.wait()
        await asyncio.gather(*(address.asked.wait() for address in self._known.values()))

    async def close(self) -> None:
        await ended(self._looking)
        await ended([address.watching for address in self._known.values() if address.watching is not None])

    def findings(self) -> dict[str, str | None]:
        """What speaks against each address, None for a ready one."""
        return {address.origin: address.finding for address in self._known.values()}

    async def take(self, tried: Collection[Address]) -> Address | None:
        """The least busy address, counted as busier by one until ``leave``; None when all were tried. Raises Full."""
        found = self._least_busy(tried)
        if found is not None and found.under_way >= self._limits.calls_per_address:
            found = await self._when_there_is_room(tried)
        if found is not None:
            found.under_way += 1
            self._under_way.inc()
        return found

    def leave(self, address: Address) -> None:
        address.under_way -= 1
        self._under_way.dec()
        self._freed.set()

    def failed(self, address: Address, finding: str) -> None:
        """Take an address out that could not be reached; it comes back with its next sign of life."""
        self._found(address, finding)

    def _least_busy(self, tried: Collection[Address]) -> Address | None:
        left = [address for address in self._known.values() if address not in tried]
        left = [address for address in left if address.finding is None] or left
        if not left:
            return None
        least = min(address.under_way for address in left)
        return random.choice([address for address in left if address.under_way == least])  # noqa: S311 -- no secret

    async def _when_there_is_room(self, tried: Collection[Address]) -> Address | None:
        try:
            async with asyncio.timeout(self._limits.wait_seconds):
                while (found := self._least_busy(tried)) is not None and found.under_way >= self._limits.calls_per_address:
                    self._freed.clear()
                    await self._freed.wait()
                return found
        except TimeoutError:
            raise Full(self._name) from None

    async def _keep_looking(self, url: str, once: asyncio.Event) -> None:
        """One look-up of a name at a time: one that hangs holds a thread, which no time-out of ours would free."""
        told = ""
        while True:
            try:
                self._resolved[url] = await _addresses_of(url)
            except Exception as error:
                # What it would have said is not known: the addresses behind this name stay as they are, those of others go on.
                if repr(error) != told:
                    told = repr(error)
                    _log.warning("upstream-not-looked-up", upstream=self._name, url=url, error=told)
            else:
                told = ""
                self._compare()
            once.set()
            await asyncio.sleep(self._limits.look_up_seconds)

    def _compare(self) -> None:
        found = dict([pair for pairs in self._resolved.values() for pair in pairs])
        for origin in self._known.keys() - found.keys():
            gone = self._known.pop(origin)
            if gone.watching is not None:
                gone.watching.cancel()
            _log.info("upstream-address-gone", upstream=self._name, address=origin)
        for origin in found.keys() - self._known.keys():
            address = self._known[origin] = Address(origin, found[origin])
            address.watching = asyncio.create_task(self._watch(address), name=f"health of {self._name} at {origin}")
        self._count()

    async def _watch(self, address: Address) -> None:
        while True:
            try:
                await self._ask(address)
            finally:
                address.asked.set()  # also of one that is gone before it answered: the start waits for it
            await asyncio.sleep(self._limits.ask_seconds)

    async def _ask(self, address: Address) -> None:
        assert self._session is not None
        try:
            async with (
                asyncio.timeout(self._limits.health_seconds),
                self._session.get(
                    address.origin + "/readyz",
                    headers={"host": address.authority, SERVICE_HEADER: self._name},
                    allow_redirects=False,
                    middlewares=(),
                ) as answer,
            ):
                finding = None if answer.status == 200 else f"status {answer.status}"
        except TimeoutError:
            address.silences += 1
            if address.silences > 1 or address.finding is not None:
                self._found(address, f"no answer within {self._limits.health_seconds:g} s")
            return
        except Exception as error:  # whatever it is speaks against the address, and must not end the watch over it
            finding = type(error).__name__
        address.silences = 0
        self._found(address, finding)

    def _found(self, address: Address, finding: str | None) -> None:
        if (address.finding is None) != (finding is None):
            say, event = (_log.info, "upstream-address-ready") if finding is None else (_log.warning, "upstream-address-out")
            say(event, upstream=self._name, address=address.origin, finding=finding)
        address.finding = finding
        self._freed.set()
        self._count()

    def _count(self) -> None:
        self._healthy.set(sum(address.finding is None for address in self._known.values()))


async def _addresses_of(url: str) -> list[tuple[str, str]]:
    """Origin and authority of every address behind the name in a URL. Raises OSError, UnicodeError."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    port = parts.port or 80
    found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    hosts = dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found)
    return [(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}", parts.netloc) for host in hosts]
