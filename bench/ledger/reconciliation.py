"""A whole inventory of a hundred thousand devices against the ledger: compared, applied, taken back; and what memory the process took."""

import asyncio
import json
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import httpx

from bench.figures import Figure, Lost, Sample, Section, at_most, compared, in_turns
from bench.ledger.copying import Copying
from bench.ledger.stage import PRICES, Stage

ROWS = 100_000
LONGEST_SECONDS, MOST_MEGABYTES = 10.0, 300.0
_CHEAP, _DEAR = "cisco-7902", "cisco-7970"
_MISSING, _WRONG = 1_000, 300
_LOOK_SECONDS = 0.02
_PATIENCE_SECONDS = 120.0
_AT_WORK = frozenset({"received", "applying", "reverting"})
_DONE = {"apply": "applied", "revert": "reverted"}
_NDJSON = {"Content-Type": "application/x-ndjson"}
Told = dict[str, Any]


async def measure(stage: Stage, cluster: str, rounds: int) -> Section:
    """Seconds beside COPY of the same rows, and memory. ``cluster`` has more than ``ROWS`` devices, all of the cheapest type.

    An empty cluster is reconciled once: every row is missing there, and an apply checks all of them out.
    """
    section, copying = Section(f"Reconciliation of {ROWS} rows"), Copying(stage.postgres)
    full, peaks, before = await _inventory_of(stage, cluster), list[float](), stage.ledger.peak_megabytes()
    new = _Inventory(stage, await stage.cluster("reconciled"), {f"NEW-{n:06d}": _CHEAP for n in range(ROWS)}, {"missing": ROWS})
    for what, times, inventory, asked in (
        ("compared", rounds, full, ()),
        ("compared, applied and taken back", 1, full, ("apply", "revert")),
        ("compared and applied to an empty cluster", 1, new, ("apply",)),
    ):
        stage.ledger.forget_peak()
        measured, copies = await in_turns(
            times, partial(inventory.played, *asked), partial(copying.sample, list(inventory.devices.items()))
        )
        peaks.append(stage.ledger.peak_megabytes())
        checked = f"{inventory.counted()}; {await stage.tally.check(inventory.cluster)}"
        figure = compared(f"rows {what}", measured, "COPY of the same rows", copies, checked)
        longest = round(max(sample.took[0] for sample in measured), 2)
        section.figures.append(replace(figure, targets=[at_most(longest, LONGEST_SECONDS, "s")]))
    memory = Figure("most memory of the process", max(peaks), "MB", checked, reference="before it", reference_value=before)
    wanted = [at_most(max(peaks), MOST_MEGABYTES, "MB")]
    section.figures.append(replace(memory, ratio=round(max(peaks) / before, 2), targets=wanted))
    return section


@dataclass
class _Inventory:
    """Types by device, as the call processing tells them, and how many devices of each kind then differ."""

    stage: Stage
    cluster: str
    devices: dict[str, str]
    wanted: dict[str, int]

    def counted(self) -> str:
        return f"{', '.join(f'{count} {kind}' for kind, count in self.wanted.items())} found in {len(self.devices)} rows"

    async def played(self, *asked: str) -> Sample:
        """A dry run, and what is asked after it, each to its end. Raises Lost."""
        body = "".join(json.dumps({"device": d, "device_type": t}) + "\n" for d, t in self.devices.items()).encode()
        path = f"/v1/clusters/{self.cluster}/reconciliations"
        async with self.stage.client() as client:
            began = time.perf_counter()
            answer = await client.post(path, params={"dry_run": "true"}, content=body, headers=_NDJSON)
            told = await self._ended(client, path, answer, 201, "compared")
            for each in asked:
                answer = await client.post(f"{path}/{told['reconciliation_id']}/{each}")
                told = await self._ended(client, path, answer, 200, _DONE[each])
            seconds = time.perf_counter() - began
        self._check(told, asked)
        return Sample(len(self.devices) / seconds, [seconds])

    async def _ended(self, client: httpx.AsyncClient, path: str, answer: httpx.Response, status: int, state: str) -> Told:
        """What is said once the step is done. Raises Lost."""
        if answer.status_code not in (status, 202):
            raise Lost(f"reconciliation: {answer.status_code} {answer.text[:300]}")
        told: Told = answer.json()
        ends = time.perf_counter() + _PATIENCE_SECONDS
        while told["state"] in _AT_WORK and time.perf_counter() < ends:
            await asyncio.sleep(_LOOK_SECONDS)
            told = (await client.get(f"{path}/{told['reconciliation_id']}")).raise_for_status().json()
        if told["state"] != state:
            raise Lost(f"the reconciliation should be {state}: {told}")
        return told

    def _check(self, told: Told, asked: tuple[str, ...]) -> None:
        """Are the differences those that were made, and was each of them done? Raises Lost."""
        found = {kind: each["devices"] for kind, each in told["differences"].items() if each["devices"]}
        change = self.wanted["missing"] - self.wanted.get("ghost", 0) + self.wanted.get("wrong_type", 0) * (PRICES[_DEAR] - PRICES[_CHEAP])
        outcomes = {_DONE[asked[-1]]: sum(self.wanted.values())} if asked else {}
        if (found, told["units_change"], told["outcomes"]) != (self.wanted, change, outcomes):
            raise Lost(f"the differences should be {self.wanted}, {change} units, {outcomes}: {told}")
        if asked and asked[-1] == "apply":
            self.stage.tally.units[self.cluster] = self.stage.tally.units.get(self.cluster, 0) + change


async def _inventory_of(stage: Stage, cluster: str) -> _Inventory:
    """Of a cluster as it is, but for some devices that it does not know, some of another type, and some that are not there."""
    rows = await stage.postgres.ask("SELECT device FROM ledger.device WHERE cluster = $1 ORDER BY device", cluster)
    known = [row["device"] for row in rows]
    kept = known[len(known) - (ROWS - _MISSING) :]
    devices = {**dict.fromkeys(kept, _CHEAP), **dict.fromkeys(kept[:_WRONG], _DEAR)}
    missing = {f"NEW-{number:06d}": _CHEAP for number in range(_MISSING)}
    return _Inventory(stage, cluster, devices | missing, {"missing": _MISSING, "ghost": len(known) - len(kept), "wrong_type": _WRONG})
