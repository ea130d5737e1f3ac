"""The load generator: so many connections, each waiting for its answer before it asks again, bounded in time and in number.

It is a process of its own (``python -m bench.ledger.load``, plan on stdin, results on stdout), so that what it costs is not taken from
the loop of what is measured; it shares the cores with it all the same.
"""

import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE
from dataclasses import asdict, dataclass, field

from bench.figures import Lost, Sample
from bench.ledger.wire import Connection, request_of

_PLACE = "{device}"


@dataclass(frozen=True)
class Load:
    """What is asked. ``path`` holds ``{device}`` where each request has a name of its own; names begin with ``prefix``.

    ``seconds`` and ``most`` (requests of one connection): whichever ends first. ``status``: the one good answer.
    """

    port: int
    method: str
    path: str
    headers: dict[str, str]
    connections: int
    seconds: float
    status: int
    body: str = ""
    prefix: str = ""
    most: int = 1_000_000


@dataclass
class Answered:
    """``asked``: good answers of each connection; ``took``: seconds of each; ``wrong``: other answers, after which a connection ends."""

    seconds: float = 0.0
    asked: list[int] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def sample(self) -> Sample:
        return Sample(len(self.took) / self.seconds, self.took)

    def names(self, load: Load) -> set[str]:
        """The names that were acknowledged."""
        return {name_of(load.prefix, number, turn) for number, count in enumerate(self.asked) for turn in range(count)}


def name_of(prefix: str, connection: int, turn: int) -> str:
    return f"{prefix}-{connection:03d}-{turn:07d}"


async def asked_for(load: Load) -> Answered:
    """Run it in a process of its own. Raises Lost for an answer that should not be."""
    child = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.ledger.load", stdin=PIPE, stdout=PIPE)
    said, _ = await child.communicate(json.dumps(asdict(load)).encode())
    if child.returncode:
        raise Lost(f"the load generator ended with {child.returncode}")
    answered = Answered(**json.loads(said))
    if answered.wrong or not answered.took:
        raise Lost(f"{load.method} {load.path}: {len(answered.wrong)} wrong answers, the first {answered.wrong[:1]}")
    return answered


async def _caller(load: Load, number: int, connection: Connection, ends: float, result: Answered) -> None:
    before, _, after = request_of(load.method, load.path, load.headers, load.body.encode()).partition(_PLACE.encode())
    named = bool(after)
    turn, took, clock = 0, result.took, time.perf_counter
    while turn < load.most and (began := clock()) < ends:
        request = before + name_of(load.prefix, number, turn).encode() + after if named else before
        status, body = await connection.ask(request)
        if status != load.status:
            result.wrong.append(f"{status} {body[:300]!r}")
            break
        took.append(clock() - began)
        turn += 1
    result.asked[number] = turn


async def _run(load: Load) -> Answered:
    result = Answered(asked=[0] * load.connections)
    connections = [await Connection.open(load.port) for _ in range(load.connections)]
    began = time.perf_counter()
    ends = began + load.seconds
    await asyncio.gather(*(_caller(load, number, each, ends, result) for number, each in enumerate(connections)))
    result.seconds = time.perf_counter() - began
    for each in connections:
        each.close()
    return result


def main() -> None:
    import uvloop

    load = Load(**json.load(sys.stdin))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        json.dump(asdict(runner.run(_run(load))), sys.stdout)


if __name__ == "__main__":
    main()
