"""A whole inventory of a hundred thousand devices compared with the ledger, and the most memory that the process took for it."""

import asyncio
import json
import time
from dataclasses import replace
from typing import Any

import httpx

from bench.figures import Figure, Lost, Sample, Section, at_most, compared
from bench.ledger.copying import Copying
from bench.ledger.stage import PRICES, Stage

LONGEST_SECONDS, MOST_MEGABYTES = 10.0, 300.0
_MISSING, _GHOSTS, _WRONG = 1_000, 700, 300
_LOOK_SECONDS = 0.05
_PATIENCE_SECONDS = 120.0
Told = dict[str, Any]


async def measure(stage: Stage, cluster: str) -> Section:
    """Two figures of a dry run: how long, and how much memory. ``cluster`` has about so many devices, all of the cheapest type."""
    section = Section("Reconciliation of 100 000 rows")
    inventory = await _inventory(stage, cluster)
    body = "".join(json.dumps({"device": d, "device_type": t}) + "\n" for d, t in inventory.items()).encode()
    stage.ledger.forget_peak()
    before, began = stage.ledger.peak_megabytes(), time.perf_counter()
    async with stage.client() as client:
        path, kind = f"/v1/clusters/{cluster}/reconciliations", {"Content-Type": "application/x-ndjson"}
        answer = await client.post(path, params={"dry_run": "true"}, content=body, headers=kind)
        if answer.status_code == httpx.codes.NOT_FOUND:
            section.failed = "not built yet: 404"
            return section
        told = await _finished(client, path, answer)
    seconds, peak = time.perf_counter() - began, stage.ledger.peak_megabytes()
    checked = f"{_counted(told)}; {await stage.tally.check(cluster)}"
    copy = await Copying(stage.postgres).sample(list(inventory.items()))
    sample = Sample(len(inventory) / seconds, [seconds])
    figure = compared(f"{len(inventory)} rows, rows", [sample], "COPY of the same rows", [copy], checked)
    section.figures.append(replace(figure, targets=[at_most(round(seconds, 2), LONGEST_SECONDS, "s")]))
    memory = Figure("most memory of the process", peak, "MB", checked, reference="before it", reference_value=before)
    section.figures.append(replace(memory, ratio=round(peak / before, 2), targets=[at_most(peak, MOST_MEGABYTES, "MB")]))
    return section


async def _inventory(stage: Stage, cluster: str) -> dict[str, str]:
    """Type of each device as the call processing tells it: some the ledger does not know, some of another type, some not there."""
    rows = await stage.postgres.ask("SELECT device, device_type FROM ledger.device WHERE cluster = $1 ORDER BY device", cluster)
    known = {row["device"]: row["device_type"] for row in rows}
    kept = dict(list(known.items())[_GHOSTS:])
    wrong = dict.fromkeys(list(kept)[:_WRONG], "cisco-7970")
    return {**kept, **wrong, **{f"NEW-{number:06d}": "cisco-7902" for number in range(_MISSING)}}


async def _finished(client: httpx.AsyncClient, path: str, answer: httpx.Response) -> Told:
    """The reconciliation once it works no more. Raises Lost."""
    if answer.status_code not in (200, 201, 202):
        raise Lost(f"reconciliation: {answer.status_code} {answer.text[:300]}")
    told: Told = answer.json()
    deadline = time.perf_counter() + _PATIENCE_SECONDS
    while told["state"] in ("running", "pending", "receiving", "comparing"):
        if time.perf_counter() > deadline:
            raise Lost(f"the reconciliation does not end: {told}")
        await asyncio.sleep(_LOOK_SECONDS)
        told = (await client.get(f"{path}/{told['reconciliation_id']}")).raise_for_status().json()
    return told


def _counted(told: Told) -> str:
    """The differences. Raises Lost unless they are those that were made."""
    found = {name: (each["devices"], each["units"]) for name, each in told["differences"].items()}
    cheap, dear = PRICES["cisco-7902"], PRICES["cisco-7970"]
    wanted = {"missing": (_MISSING, _MISSING * cheap), "ghost": (_GHOSTS, _GHOSTS * cheap), "elsewhere": (0, 0)}
    if {name: found[name] for name in wanted} != wanted or found["wrong_type"][0] != _WRONG:
        raise Lost(f"the differences are {found}, and should be {wanted} and {_WRONG} of a wrong type, each {dear - cheap} units apart")
    return f"{_MISSING} missing, {_GHOSTS} ghosts and {_WRONG} of a wrong type found"
