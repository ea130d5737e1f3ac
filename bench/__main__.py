"""``python -m bench [--quick] [--out FILE]``: measure, print tables, write JSON. Ends with 1 where something was lost."""

import argparse
import asyncio
import json
import sys
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import end_to_end, throughput
from bench.end_to_end import EndToEnd
from bench.machine import machine_of
from bench.stage import Lost, bench_stage
from bench.throughput import Throughput
from tests.debian import NotInstalled
from tests.faults.production import production
from tests.house import ROOT
from tests.rabbitmq import programs

RESULTS = ROOT / "build" / "bench"
LEDGERS = (1, 3)
CONNECTIONS = (1, 8, 32)
POOLS_AT_ONCE = (1, 4)


@dataclass(frozen=True)
class Scale:
    """How much is measured: entries into overdraft are ``pools`` × ``rounds`` for each row."""

    pools: int
    rounds: int
    seconds: float


FULL, QUICK = Scale(pools=20, rounds=10, seconds=8), Scale(pools=4, rounds=5, seconds=2)


@dataclass
class Results:
    """What was measured."""

    measured_at: str
    machine: dict[str, object] = field(default_factory=dict)
    end_to_end: list[EndToEnd] = field(default_factory=list)
    throughput: list[Throughput] = field(default_factory=list)


async def run(scale: Scale) -> Results:
    """Everything, on one installation for each number of ledgers. Raises Lost."""
    results = Results(datetime.now(UTC).isoformat(timespec="seconds"))
    for ledgers in LEDGERS:
        async with production({}, ledgers=ledgers) as made, bench_stage(made) as stage:
            results.machine = await machine_of(made)
            if ledgers == LEDGERS[0]:
                pools = [f"pool-{number}" for number in range(scale.pools)]
                for pool in pools:
                    await stage.make_cluster(pool, end_to_end.UNITS, 1)
                    for number in range(end_to_end.UNITS // 5):
                        await stage.check_out(pool, f"SEP-full-{number}", "cisco-7970")
                for at_once in POOLS_AT_ONCE:
                    results.end_to_end.append(await end_to_end.measure(stage, pools, scale.rounds, at_once))
            held = await throughput.prepare(stage)
            for connections in CONNECTIONS:
                results.throughput.append(await throughput.measure(stage, held, ledgers, connections, scale.seconds))
    return results


def show(results: Results) -> None:
    """For people."""
    console = Console(width=110)
    table = Table(title=f"Overdraft entered → alarm visible at the gateway, ms (p99 wanted: {end_to_end.TARGET_P99_MILLISECONDS:g})")
    for head in ("pools at once", "entries", "p50", "p90", "p99", "longest"):
        table.add_column(head, justify="right")
    for row in results.end_to_end:
        table.add_row(str(row.pools_at_once), *map(str, asdict(row.spread).values()))
    console.print(table)
    table = Table(title="Check-outs through the gateway, each durable")
    for head in ("ledgers", "connections", "a second", "answers", "p50 ms", "p90 ms", "p99 ms", "longest ms"):
        table.add_column(head, justify="right")
    for each in results.throughput:
        table.add_row(str(each.ledgers), str(each.connections), f"{each.check_outs_per_second:g}", *map(str, asdict(each.spread).values()))
    console.print(table)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small numbers: does it run at all?")
    parser.add_argument("--out", type=Path, help="the JSON file; default: build/bench/<time>.json")
    arguments = parser.parse_args()
    try:
        programs()
        results = asyncio.run(run(QUICK if arguments.quick else FULL))
    except NotInstalled as missing:
        sys.stderr.write(f"{missing}\n")
        return 1
    except Lost as lost:
        sys.stderr.write(f"LOST: {lost}\n")
        return 1
    path: Path = arguments.out or RESULTS / f"{results.measured_at.replace(':', '')}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(results), indent=1) + "\n")
    show(results)
    sys.stdout.write(f"Nothing was lost. Written to {path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
