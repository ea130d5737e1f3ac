"""What a check-out and a unit report take where the cluster has ten thousand, a hundred thousand and a million devices."""

from dataclasses import replace
from statistics import median

from bench.figures import Figure, Run, Sample, Section, at_most, in_turns, spread_over
from bench.ledger.filling import filled
from bench.ledger.load import Load, asked_for
from bench.ledger.scale import Scale
from bench.ledger.stage import Stage

WANTED_SIZE = 1_000_000
LARGEST_RATIO, LONGEST_REPORT_MILLISECONDS = 1.25, 20.0
_ROUNDS = 3
_SECONDS = 60.0


def cluster_of(size: int) -> str:
    return f"size-{size}"


async def measure(stage: Stage, scale: Scale) -> Section:
    """A figure for each size, of check-outs and of reports; the smallest is the reference."""
    section = Section("Size of a cluster")
    if WANTED_SIZE not in scale.sizes:
        section.missing = f"{WANTED_SIZE} devices, for which something is wanted, are left out by --quick"
    for size in scale.sizes:
        await filled(stage, await stage.cluster(cluster_of(size)), size)
    await _tidied(stage)
    each = max(10, scale.lookups // _ROUNDS)
    check_outs = await in_turns(_ROUNDS, *(_check_outs(stage, cluster_of(size), each) for size in scale.sizes))
    reports = await in_turns(_ROUNDS, *(_reports(stage, cluster_of(size), max(5, each // 5)) for size in scale.sizes))
    for size, samples in zip(scale.sizes, check_outs, strict=True):
        figure = _figure(f"check-out p50, {size} devices", samples, check_outs[0], await stage.tally.check(cluster_of(size)))
        assert figure.ratio is not None
        wanted = size == WANTED_SIZE
        section.figures.append(replace(figure, targets=[at_most(figure.ratio, LARGEST_RATIO, "× the smallest")]) if wanted else figure)
    for size, samples in zip(scale.sizes, reports, strict=True):
        figure = _figure(f"unit report p50, {size} devices", samples, reports[0], await stage.tally.check(cluster_of(size)))
        wanted = size == WANTED_SIZE
        section.figures.append(replace(figure, targets=[at_most(figure.value, LONGEST_REPORT_MILLISECONDS, "ms")]) if wanted else figure)
    return section


def _check_outs(stage: Stage, cluster: str, count: int) -> Run:
    async def run() -> Sample:
        load = stage.tally.check_outs(cluster, stage.ledger.port, stage.processes.identity(), 1, _SECONDS)
        load = replace(load, most=count)
        answered = await asked_for(load)
        await stage.tally.acknowledged(cluster, load, answered)
        return answered.sample

    return run


def _reports(stage: Stage, cluster: str, count: int) -> Run:
    async def run() -> Sample:
        path, headers = f"/v1/clusters/{cluster}/unit-report", stage.processes.identity()
        return (await asked_for(Load(stage.ledger.port, "GET", path, headers, 1, _SECONDS, 200, most=count))).sample

    return run


def _figure(what: str, samples: list[Sample], smallest: list[Sample], checked: str) -> Figure:
    ratios = [round(one.p50 / other.p50, 3) for one, other in zip(samples, smallest, strict=True)]
    return Figure(
        what=what,
        value=round(1000 * median(one.p50 for one in samples), 3),
        unit="ms",
        checked=checked,
        spread=spread_over(samples),
        reference="the smallest cluster",
        reference_value=round(1000 * median(one.p50 for one in smallest), 3),
        reference_spread=spread_over(smallest),
        ratio=round(median(ratios), 3),
        ratios=ratios,
    )


async def _tidied(stage: Stage) -> None:
    """What autovacuum would have done by the time that a cluster has grown so large."""
    connection = await stage.postgres.connect()
    try:
        await connection.execute("VACUUM (ANALYZE) ledger.device")
    finally:
        await connection.close()
