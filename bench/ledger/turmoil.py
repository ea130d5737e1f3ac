"""The load for ledgers that are killed: random check-outs, check-ins, re-pricings, grants and retirements, and the callers' own book.

``python -m bench.ledger.turmoil``: plan on stdin, book on stdout. Must not be broken: a call without an answer, or answered with 503, is
repeated as it was at the next ledger until it is answered; so the book knows of every device and every file what must be there.
"""

import asyncio
import json
import random
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.ledger.stage import JSON, PRICES, envelope_text, granted_file
from bench.ledger.wire import Connection, Gone, request_of
from shared.contracts.events.licensefile import LicenseFileStateChanged
from shared.kit.clock import SystemClock
from shared.kit.identity import IDENTITY_HEADER, IdentityIssuer

_DEVICES = 20
_PAUSE_SECONDS = 0.05
_ASKED_AWAY = 10
_LARGEST_GRANT = 300
_UNAVAILABLE = 503
_REFUSED = 409


@dataclass(frozen=True)
class Plan:
    """``key``: the gateway's private key; one connection of each cluster brings files, the others devices."""

    ports: list[int]
    key: str
    clusters: list[str]
    connections: int
    seconds: float
    first_file: int
    seed: int


@dataclass
class Book:
    """What callers were told. ``devices``: type of each that is held; ``changes``: acknowledged changes of each that was ever touched;
    ``granted``: units by files that grant, by cluster; ``took``: seconds of each acknowledged change."""

    devices: dict[str, dict[str, str]]
    changes: dict[str, dict[str, int]]
    granted: dict[str, int]
    took: list[float] = field(default_factory=list)
    refused: int = 0
    unanswered: int = 0
    grants: int = 0
    retirements: int = 0
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Caller:
    """One connection, to another ledger whenever the one it had is gone, and back after some time: the second kill must hurt too."""

    def __init__(self, plan: Plan, book: Book, number: int) -> None:
        self.plan, self.book, self.number = plan, book, number
        self.cluster = plan.clusters[number % len(plan.clusters)]
        self.random = random.Random(f"{plan.seed}-{number}")
        self._issuer = IdentityIssuer.from_file(Path(plan.key))
        self._ledger, self._away = number, 0
        self._connection: Connection | None = None

    async def ask(self, method: str, path: str, body: bytes = b"") -> int:
        """The status, once there is one that says whether it was done."""
        began = time.perf_counter()
        self._return()
        while True:
            headers: Mapping[str, str] = {IDENTITY_HEADER: self._issuer.token_for("bench", "admin"), **(JSON if body else {})}
            try:
                if self._connection is None:
                    self._connection = await Connection.open(self.plan.ports[self._ledger % len(self.plan.ports)])
                status, said = await self._connection.ask(request_of(method, path, dict(headers), body))
            except (Gone, OSError):
                self.book.unanswered += 1
                self._connection = None
                self._ledger += 1
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            if status == _UNAVAILABLE:
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            if status in (200, 201, 204):
                self.book.took.append(time.perf_counter() - began)
            elif status == _REFUSED and method == "PUT":
                self.book.refused += 1
            else:
                self.book.wrong.append(f"{method} {path}: {status} {said[:300]!r}")
            return status

    def _return(self) -> None:
        self._away += self._ledger != self.number
        if self._away > _ASKED_AWAY and self._connection is not None:
            self._connection.close()
            self._connection, self._ledger, self._away = None, self.number, 0

    async def devices(self, ends: float) -> None:
        """Check out, re-price and check in devices that nobody else asks for."""
        names = [f"SEP-{self.number:03d}-{each:02d}" for each in range(_DEVICES)]
        held, changes = self.book.devices[self.cluster], self.book.changes[self.cluster]
        while time.perf_counter() < ends:
            name = self.random.choice(names)
            path, before = f"/v1/clusters/{self.cluster}/devices/{name}", held.get(name)
            if before is not None and self.random.random() < 0.5:
                if await self.ask("DELETE", path) == 204:
                    del held[name]
                    changes[name] = changes.get(name, 0) + 1
            else:
                wanted = self.random.choice([kind for kind in PRICES if kind != before])
                if await self.ask("PUT", path, json.dumps({"device_type": wanted}).encode()) in (200, 201):
                    held[name] = wanted
                    changes[name] = changes.get(name, 0) + 1

    async def files(self, ends: float) -> None:
        """Grant a file, retire one, and so on; each is told as an event until it is acknowledged."""
        standing: list[tuple[str, int]] = []
        number = self.plan.first_file + 100_000 * (self.number + 1)
        while time.perf_counter() < ends:
            if standing and self.random.random() < 0.5:
                file_id, units = standing.pop(self.random.randrange(len(standing)))
                gone = {"version": 2, "state": "retired", "granting": False, "reason": "bench", "changed_at": SystemClock().now()}
                event = LicenseFileStateChanged(cluster=self.cluster, license_file_id=file_id, **gone)
                await self.ask("POST", "/bench/events", envelope_text(event).encode())
                self.book.granted[self.cluster] -= units
                self.book.retirements += 1
            else:
                number += 1
                file = granted_file(number, self.cluster, units := self.random.randrange(1, _LARGEST_GRANT))
                await self.ask("POST", "/bench/events", envelope_text(file).encode())
                standing.append((file.license_file_id, units))
                self.book.granted[self.cluster] += units
                self.book.grants += 1


async def _run(plan: Plan) -> Book:
    book = Book({c: {} for c in plan.clusters}, {c: {} for c in plan.clusters}, dict.fromkeys(plan.clusters, 0))
    began = time.perf_counter()
    ends = began + plan.seconds
    callers = [Caller(plan, book, number) for number in range(plan.connections)]
    bringing = len(plan.clusters)
    await asyncio.gather(*(each.files(ends) if each.number < bringing else each.devices(ends) for each in callers))
    book.seconds = time.perf_counter() - began
    return book


async def stirred(plan: Plan) -> Book:
    """Run it in a process of its own. Raises RuntimeError."""
    child = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.ledger.turmoil", stdin=PIPE, stdout=PIPE)
    said, _ = await child.communicate(json.dumps(asdict(plan)).encode())
    if child.returncode:
        raise RuntimeError(f"the load generator ended with {child.returncode}")
    return Book(**json.loads(said))


def main() -> None:
    import uvloop

    plan = Plan(**json.load(sys.stdin))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        json.dump(asdict(runner.run(_run(plan))), sys.stdout)


if __name__ == "__main__":
    main()
