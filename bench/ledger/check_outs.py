"""Single durable check-outs at the ledger itself, on one cluster, beside pgbench's hot row and the ledger's own empty endpoint."""

from dataclasses import replace
from statistics import median

from bench.figures import Figure, Run, Sample, Section, Target, at_least, compared, in_turns, several, spread_over
from bench.ledger.load import Load, asked_for
from bench.ledger.pgbench import hot_row
from bench.ledger.scale import Scale
from bench.ledger.stage import Stage

CONNECTIONS = (1, 8, 32, 128)
HOT_ROW_CLIENTS = 8
SLOW_FSYNC_SECONDS = 0.0005
_REFERENCE = f"pgbench hot row, {HOT_ROW_CLIENTS} clients"


def checking_out(stage: Stage, cluster: str, connections: int, seconds: float) -> Run:
    """A run of check-outs at the ledger, counted afterwards. Raises Lost."""

    async def run() -> Sample:
        load = stage.tally.check_outs(cluster, stage.ledger.port, stage.processes.identity(), connections, seconds)
        answered = await asked_for(load)
        await stage.tally.acknowledged(cluster, load, answered)
        return answered.sample

    return run


def asking_nothing(stage: Stage, connections: int, seconds: float) -> Run:
    """A run of requests to the empty endpoint of the same process."""

    async def run() -> Sample:
        return (await asked_for(Load(stage.ledger.port, "GET", "/empty", stage.processes.identity(), connections, seconds, 200))).sample

    return run


async def measure(stage: Stage, scale: Scale) -> Section:
    """Four figures, and the latency that a lone caller waits for."""
    section = Section("Single check-outs at the ledger")
    cluster = await stage.cluster("single")
    await checking_out(stage, cluster, 8, 1)()
    for connections in CONNECTIONS:
        ours = checking_out(stage, cluster, connections, scale.seconds)
        pgbench = hot_row(stage.postgres, HOT_ROW_CLIENTS, scale.seconds)
        nothing = asking_nothing(stage, connections, scale.seconds)
        lone = hot_row(stage.postgres, 1, scale.seconds)
        samples = await in_turns(scale.rounds, ours, pgbench, nothing, *([lone] if connections == 1 else [stage.postgres.make_safe]))
        checked = await stage.tally.check(cluster)
        figure = compared(f"check-outs, {several(connections, 'connection')}", samples[0], _REFERENCE, samples[1], checked)
        if connections == CONNECTIONS[-1]:
            assert figure.ratio is not None
            figure = replace(figure, targets=[at_least(figure.ratio, _wanted(samples[3]), "× pgbench")])
        section.figures.append(figure)
        section.figures.append(
            compared(f"check-outs, {several(connections, 'connection')}", samples[0], "empty endpoint", samples[2], checked)
        )
        if connections == 1:
            section.figures.append(_added_latency(samples[0], samples[2], samples[3], checked))
    return section


def _wanted(pages: list[Sample]) -> float:
    """Where a commit waits for the disk, more must share one."""
    return 2.0 if median(page.p50 for page in pages) >= SLOW_FSYNC_SECONDS else 1.5


def _added_latency(ours: list[Sample], nothing: list[Sample], pgbench: list[Sample], checked: str) -> Figure:
    """Of the medians: what a check-out waits for beyond an empty answer, in transactions of pgbench."""
    added = [one.p50 - other.p50 for one, other in zip(ours, nothing, strict=True)]
    ratios = [round(more / one.p50, 3) for more, one in zip(added, pgbench, strict=True)]
    return Figure(
        what="latency added to an empty endpoint, 1 connection",
        value=round(1000 * median(added), 3),
        unit="ms",
        checked=checked,
        spread=spread_over(ours),
        reference="one pgbench hot-row transaction, 1 client",
        reference_value=round(1000 * median(one.p50 for one in pgbench), 3),
        reference_spread=spread_over(pgbench),
        ratio=round(median(ratios), 3),
        ratios=ratios,
        targets=[Target("≤ 2.5 × pgbench", median(ratios) <= 2.5)],
    )
