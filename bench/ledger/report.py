"""All sections of the ledger, one after the other, on one database."""

from bench.figures import Section
from bench.ledger import bulk, check_outs, reconciliation, replicas, sizes, through_gateway
from bench.ledger.embedded import embedded_beside
from bench.ledger.pgbench import make_hot_row
from bench.ledger.postgres import new_postgres
from bench.ledger.processes import processes_on
from bench.ledger.scale import Scale
from bench.ledger.stage import Stage
from bench.ledger.tally import Tally
from bench.machine import machine_of
from bench.sections import Measure, Say, told


async def report(scale: Scale, say: Say) -> tuple[dict[str, object], list[Section]]:
    """The machine and the sections; ``say`` is told of each as soon as it is there."""
    async with new_postgres() as postgres:
        facts = await machine_of(postgres.ask)
        fsync = await postgres.fsync()
        async with processes_on(postgres) as processes:
            stage = Stage(processes, await processes.ledger(), Tally(postgres))
            await stage.price()
            await make_hot_row(postgres)
            sections = await _on(stage, scale, say)
        async with embedded_beside(postgres.bin_dir) as embedded:
            sections.append(await told("Everything in one process", lambda: through_gateway.measure_embedded(embedded, scale), say))
        again = await postgres.fsync()
    return {**facts, "fsync_microseconds": [fsync.microseconds, again.microseconds], "fsync_by": fsync.by}, sections


async def _on(stage: Stage, scale: Scale, say: Say) -> list[Section]:
    measures: dict[str, Measure] = {
        "Single check-outs": lambda: check_outs.measure(stage, scale),
        "Through the gateway": lambda: through_gateway.measure(stage, scale),
        "Bulk": lambda: bulk.measure(stage, scale),
        "Sizes": lambda: sizes.measure(stage, scale),
        "Reconciliation": lambda: reconciliation.measure(stage, sizes.cluster_of(reconciliation.ROWS), scale.rounds),
        "Three ledgers": lambda: replicas.measure(stage, scale),
    }
    return [await told(name, measure, say) for name, measure in measures.items()]
