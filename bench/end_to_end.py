"""From a check-out that enters the overdraft to the alarm that its administrator sees at the gateway, over RabbitMQ.

Measured from sending the check-out to the first answer of ``GET /v1/alarms`` that has the alarm: the caller's own wait, the outbox, the
broker, the alarms service and the way back are all in it. One pool after the other enters and leaves, so that each entry is an event.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from bench.figures import Figure, Lost, at_most, several
from bench.percentiles import spread_of
from bench.stage import BenchStage

TARGET_P99_MILLISECONDS = 500.0
OVERDRAFT = "CiscoLicenseOverDraft"
UNITS = 20
"""Authorized in each pool, all of them in use before the first round: the next unit is overdraft."""

_LOOK_SECONDS = 0.005
_PATIENCE_SECONDS = 30.0


async def measure(stage: BenchStage, clusters: Sequence[str], rounds: int, pools_at_once: int) -> Figure:
    """``rounds`` entries of each cluster, ``pools_at_once`` of them side by side. Raises Lost when an alarm is missing or too many."""
    before = {cluster: len(await _alarms(stage, cluster)) for cluster in clusters}
    lanes = [clusters[lane::pools_at_once] for lane in range(pools_at_once)]
    measured = await asyncio.gather(*(_lane(stage, lane, rounds) for lane in lanes if lane))
    await stage.settled()
    for cluster in clusters:
        alarms = (await _alarms(stage, cluster))[: -before[cluster] or None]
        if [(alarm["state"], alarm["count"]) for alarm in alarms] != [("cleared", 1)] * rounds:
            raise Lost(f"{cluster}: {rounds} overdrafts entered and left, alarms {[(a['state'], a['count']) for a in alarms]}")
        await stage.check_used(cluster, UNITS)
    spread = spread_of([seconds for lane in measured for seconds in lane])
    checked = f"{spread.samples} alarms, each raised and cleared once; used = holdings = {UNITS} in each pool"
    what = f"overdraft → alarm at the gateway p99, {several(pools_at_once, 'pool')} at once"
    return Figure(what, spread.p99, "ms", checked, spread, targets=[at_most(spread.p99, TARGET_P99_MILLISECONDS, "ms")])


async def _lane(stage: BenchStage, clusters: Sequence[str], rounds: int) -> list[float]:
    measured: list[float] = []
    for number in range(rounds):
        for cluster in clusters:
            began = time.perf_counter()
            await stage.check_out(cluster, f"SEP-over-{number}", "cisco-7902")
            await _until(stage, cluster, standing=1)
            measured.append(time.perf_counter() - began)
            await stage.check_in(cluster, f"SEP-over-{number}")
            await _until(stage, cluster, standing=0)
    return measured


async def _until(stage: BenchStage, cluster: str, standing: int) -> None:
    deadline = time.perf_counter() + _PATIENCE_SECONDS
    while len(await _alarms(stage, cluster, state="active")) != standing:
        if time.perf_counter() > deadline:
            raise Lost(f"{cluster}: no {OVERDRAFT} {'raised' if standing else 'cleared'} within {_PATIENCE_SECONDS:g} s")
        await asyncio.sleep(_LOOK_SECONDS)


async def _alarms(stage: BenchStage, cluster: str, **more: str) -> list[dict[str, Any]]:
    """The cluster's overdraft alarms, newest first; fails for more than one page of them."""
    page = await stage.read("/v1/alarms", name=OVERDRAFT, cluster=cluster, limit="200", **more)
    assert page["next_cursor"] is None
    items: list[dict[str, Any]] = page["items"]
    return items
