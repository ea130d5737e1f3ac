"""Ten thousand devices in one call: inside the ledger, and over HTTP through the gateway; beside COPY of the same rows."""

import json
import time
from dataclasses import replace
from typing import Any

from bench.figures import Lost, NotMeasured, Run, Sample, Section, at_least, compared, in_turns
from bench.ledger.copying import Copying
from bench.ledger.filling import CALL, many_inside, names_of
from bench.ledger.scale import Scale
from bench.ledger.stage import Stage
from bench.ledger.wire import Connection, request_of

INSIDE, OF_COPY, OVER_HTTP = 40_000, 0.2, 25_000
_TYPE = "cisco-7902"


async def measure(stage: Stage, scale: Scale) -> Section:
    """Two figures, in devices a second."""
    section = Section(f"Bulk, {CALL} devices a call")
    copying = Copying(stage.postgres)

    async def copy() -> Sample:
        return await copying.sample([(name, _TYPE) for name in names_of("COPY")])

    cluster = await stage.cluster("bulk")

    async def inside() -> Sample:
        return await many_inside(stage, cluster)

    await inside()
    measured, copies = await in_turns(scale.bulk_rounds, inside, copy)
    figure = compared("devices, inside the ledger", measured, "COPY of the same rows", copies, await stage.tally.check(cluster))
    assert figure.ratio is not None
    wanted = [at_least(figure.value, INSIDE, "/s"), at_least(figure.ratio, OF_COPY, "× COPY")]
    section.figures.append(replace(figure, targets=wanted))
    try:
        measured, copies = await _through_gateway(stage, scale, cluster, copy)
    except NotMeasured as reason:
        section.failed = str(reason)
        return section
    checked = await stage.tally.check(cluster)
    figure = compared("devices, through the gateway", measured, "COPY of the same rows", copies, checked)
    section.figures.append(replace(figure, targets=[at_least(figure.value, OVER_HTTP, "/s")]))
    return section


async def _through_gateway(stage: Stage, scale: Scale, cluster: str, copy: Run) -> list[list[Sample]]:
    gateway = await stage.processes.gateway(stage.ledger)
    connection = await Connection.open(gateway.port)

    async def call() -> Sample:
        prefix = stage.tally.prefix()
        body = json.dumps({"devices": [{"device": name, "device_type": _TYPE} for name in names_of(prefix)]}).encode()
        request = request_of("POST", f"/v1/clusters/{cluster}/check-outs", stage.processes.bearer(), body)
        began = time.perf_counter()
        status, said = await connection.ask(request)
        seconds = time.perf_counter() - began
        if status in (404, 405):
            raise NotMeasured(f"POST …/check-outs is not built yet: {status}")
        told: dict[str, Any] = json.loads(said)
        outcomes = [(each["device"], each["outcome"], each["units"]) for each in told.get("results", ())]
        if status != 200 or told["checked_out"] != CALL or outcomes != [(name, "checked_out", 1) for name in names_of(prefix)]:
            raise Lost(f"{cluster}: bulk check-out of {CALL}: {status} {said[:300]!r}")
        await stage.tally.told(cluster, prefix, set(names_of(prefix)))
        return Sample(CALL / seconds, [seconds])

    try:
        await call()
        return await in_turns(scale.bulk_rounds, call, copy)
    finally:
        connection.close()
        gateway.stop()
