"""From the overdraft to the webhook in one process; and the production shape with its broker: from the overdraft to the alarm at the
gateway, and check-outs before one ledger and before three."""

from dataclasses import dataclass
from functools import partial

from bench import end_to_end, throughput, webhook
from bench.figures import Section, several
from bench.sections import Say, told
from bench.stage import bench_stage
from tests.faults.production import production
from tests.rabbitmq import programs

LEDGERS = (1, 3)
POOLS_AT_ONCE = (1, 4)


@dataclass(frozen=True)
class Scale:
    """How much is measured: entries into overdraft are ``pools`` × ``rounds`` for each row. ``ledgers``: of each installation.

    ``told_clusters``: each goes into overdraft ``webhook.ROUNDS`` times.
    """

    pools: int
    rounds: int
    seconds: float
    connections: tuple[int, ...] = (1, 8, 32)
    ledgers: tuple[int, ...] = LEDGERS
    told_clusters: int = 70


FULL = Scale(pools=20, rounds=10, seconds=4)
QUICK = Scale(pools=4, rounds=3, seconds=1, connections=(32,), ledgers=(1,), told_clusters=8)


async def report(scale: Scale, say: Say) -> list[Section]:
    """One section for the webhook, and one for each number of ledgers."""
    in_one = await told(webhook.NAME, partial(webhook.measure, scale.told_clusters), say)
    return [in_one] + [await told(_name(ledgers), partial(_measure, ledgers, scale), say) for ledgers in scale.ledgers]


def _name(ledgers: int) -> str:
    return f"Processes and broker of docker-compose.yml, {several(ledgers, 'ledger')}"


async def _measure(ledgers: int, scale: Scale) -> Section:
    programs()
    section = Section(_name(ledgers))
    async with production({}, ledgers=ledgers) as made, bench_stage(made) as stage:
        if ledgers == LEDGERS[0]:
            pools = [f"pool-{number}" for number in range(scale.pools)]
            for pool in pools:
                await stage.make_cluster(pool, end_to_end.UNITS, 1)
                for number in range(end_to_end.UNITS // 5):
                    await stage.check_out(pool, f"SEP-full-{number}", "cisco-7970")
            for at_once in POOLS_AT_ONCE:
                section.figures.append(await end_to_end.measure(stage, pools, scale.rounds, at_once))
        held = await throughput.prepare(stage)
        for connections in scale.connections:
            section.figures.append(await throughput.measure(stage, held, ledgers, connections, scale.seconds))
    return section
