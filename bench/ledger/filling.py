"""A cluster is filled with devices, as many at a time as one call may bring."""

from bench.figures import Lost, Sample
from bench.ledger.stage import Stage

CALL = 10_000
"""Devices of one call."""


async def filled(stage: Stage, cluster: str, devices: int) -> None:
    """With so many devices of one unit, inside the ledger. Raises Lost."""
    for _ in range(devices // CALL):
        await many_inside(stage, cluster)


async def many_inside(stage: Stage, cluster: str) -> Sample:
    """One call's devices, measured inside the ledger. Raises Lost."""
    prefix = stage.tally.prefix()
    wanted = {"cluster": cluster, "prefix": prefix, "count": CALL, "device_type": "cisco-7902"}
    async with stage.client() as client:
        told = (await client.post("/bench/check-outs", json=wanted)).raise_for_status().json()
    if told["checked_out"] != CALL:
        raise Lost(f"{cluster}: {told['checked_out']} of {CALL} checked out")
    await stage.tally.told(cluster, prefix, set(names_of(prefix)))
    return Sample(CALL / told["seconds"], [told["seconds"]])


def names_of(prefix: str) -> list[str]:
    return [f"{prefix}-{number:07d}" for number in range(CALL)]
