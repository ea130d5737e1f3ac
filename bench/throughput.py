"""Check-outs a second through the gateway, each a durable transaction, by so many connections that each wait for their answer."""

import asyncio
import time

from bench.figures import Figure, several
from bench.percentiles import spread_of
from bench.stage import BenchStage

CLUSTERS = tuple(f"busy-{number}" for number in range(8))
UNITS = 1_000_000


async def prepare(stage: BenchStage) -> dict[str, int]:
    """The clusters; what each holds so far."""
    for cluster in CLUSTERS:
        await stage.make_cluster(cluster, UNITS, 0)
    return dict.fromkeys(CLUSTERS, 0)


async def measure(stage: BenchStage, held: dict[str, int], ledgers: int, connections: int, seconds: float) -> Figure:
    """Raises Lost unless each cluster holds exactly what was acknowledged. ``held`` is brought up to date."""
    ends = time.perf_counter() + seconds
    took: list[float] = []

    async def caller(number: int) -> None:
        cluster, count = CLUSTERS[number % len(CLUSTERS)], 0
        while (began := time.perf_counter()) < ends:
            await stage.check_out(cluster, f"SEP-{connections}-{number}-{count}", "cisco-7902")
            took.append(time.perf_counter() - began)
            held[cluster] += 1
            count += 1

    began = time.perf_counter()
    await asyncio.gather(*(caller(number) for number in range(connections)))
    rate = len(took) / (time.perf_counter() - began)
    await stage.settled()
    for cluster in CLUSTERS:
        await stage.check_used(cluster, held[cluster])
    checked = f"acknowledged = used = holdings = {sum(held.values())}"
    return Figure(
        f"check-outs, {several(ledgers, 'ledger')}, {several(connections, 'connection')}", round(rate, 1), "/s", checked, spread_of(took)
    )
