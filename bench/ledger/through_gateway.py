"""Single durable check-outs through the gateway: before a ledger of its own, and with everything in one process.

The first is compared with what the same gateway forwards to a service that does nothing, the second with pgbench on its own database.
"""

from dataclasses import replace

from bench.figures import Figure, Run, Sample, Section, at_least, compared, in_turns, several
from bench.ledger.check_outs import HOT_ROW_CLIENTS
from bench.ledger.embedded import Embedded
from bench.ledger.load import asked_for
from bench.ledger.pgbench import hot_row, make_hot_row
from bench.ledger.scale import Scale
from bench.ledger.stage import Stage
from bench.ledger.tally import Tally

CONNECTIONS = (1, 8, 32, 128)
WANTED_CONNECTIONS = 32


def through(tally: Tally, cluster: str, port: int, headers: dict[str, str], connections: int, seconds: float) -> Run:
    """Check-outs at a port that wants a key, counted afterwards. Raises Lost."""

    async def run() -> Sample:
        load = tally.check_outs(cluster, port, headers, connections, seconds)
        answered = await asked_for(load)
        await tally.acknowledged(cluster, load, answered)
        return answered.sample

    return run


def forwarded(stage: Stage, port: int, connections: int, seconds: float) -> Run:
    """The same requests to a gateway before a service that does nothing."""

    async def run() -> Sample:
        return (await asked_for(stage.tally.check_outs("nothing", port, stage.processes.bearer(), connections, seconds))).sample

    return run


async def measure(stage: Stage, scale: Scale) -> Section:
    """Four figures."""
    section = Section("Single check-outs through the gateway, processes of their own")
    cluster = await stage.cluster("gateway")
    gateway = await stage.processes.gateway(stage.ledger)
    empty = await stage.processes.empty()
    before_nothing = await stage.processes.gateway(empty)
    headers = stage.processes.bearer()
    await through(stage.tally, cluster, gateway.port, headers, 8, 1)()
    for connections in CONNECTIONS:
        ours = through(stage.tally, cluster, gateway.port, headers, connections, scale.seconds)
        nothing = forwarded(stage, before_nothing.port, connections, scale.seconds)
        measured, references = await in_turns(scale.rounds, ours, nothing)
        checked = await stage.tally.check(cluster)
        figure = compared(
            f"check-outs, {several(connections, 'connection')}", measured, "forwarded to an empty endpoint", references, checked
        )
        section.figures.append(_wanting(figure, 0.6, "× forwarded") if connections == WANTED_CONNECTIONS else figure)
    for program in (gateway, empty, before_nothing):
        program.stop()
    return section


async def measure_embedded(embedded: Embedded, scale: Scale) -> Section:
    """Everything in one process, at the connections for which something is wanted."""
    section = Section("Single check-outs, everything in one process")
    tally, cluster = embedded.tally, await embedded.make_cluster("embedded")
    await make_hot_row(embedded.postgres)
    await through(tally, cluster, embedded.port, embedded.headers, 8, 1)()
    ours = through(tally, cluster, embedded.port, embedded.headers, WANTED_CONNECTIONS, scale.seconds)
    measured, references = await in_turns(scale.rounds, ours, hot_row(embedded.postgres, HOT_ROW_CLIENTS, scale.seconds))
    checked = await tally.check(cluster)
    reference = f"pgbench hot row, {HOT_ROW_CLIENTS} clients"
    figure = compared(f"check-outs, {WANTED_CONNECTIONS} connections", measured, reference, references, checked)
    section.figures.append(_wanting(figure, 0.7, "× pgbench"))
    return section


def _wanting(figure: Figure, wanted: float, unit: str) -> Figure:
    assert figure.ratio is not None
    return replace(figure, targets=[at_least(figure.ratio, wanted, unit)])
