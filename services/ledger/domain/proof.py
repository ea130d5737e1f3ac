"""A journal that is whole proves what is kept beside it: pools, grants, nodes and devices; and signed files prove the journal's grants."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.ledger.domain.grants import starter_lines
from services.ledger.domain.ladder import Policy, Rung
from services.ledger.domain.network_service import NetworkService
from services.ledger.domain.past import GrantedLine, Past, Source
from services.ledger.domain.pool import CCM_NODE, PHONE_UNIT, POOLED
from shared.license_file.lines import LicenseLine

Balances = Mapping[str, tuple[int, int, int]]
Types = Mapping[tuple[str, int], int]
"""How many devices there are of a type that hold so many units each; none of which there are none."""

_NONE = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Kept:
    """What the ledger decides by. ``pools``: authorized, overdraft_allowed, used; ``devices``: counted one by one, ``counts``: as kept."""

    product_version: str
    frozen: bool
    license_manager: str | None
    service: NetworkService
    overdraft_policy: Policy
    rung: Rung
    pools: Balances
    nodes: Mapping[str, str]
    sources: Mapping[str, Source]
    devices: Types
    counts: Types


def difference(past: Past, balances: Balances, told: Types, kept: Kept) -> str | None:
    """The first thing in which the journal and what is kept differ; ``told``: the devices that it tells of."""
    for feature in POOLED:
        journalled, found = balances.get(feature, _NONE), kept.pools.get(feature, _NONE)
        if journalled != found:
            return f"of {feature} it leaves {_written(journalled)}, and the pool kept says {_written(found)}"
    for subject in sorted({*past.sources, *kept.sources}):
        if past.sources.get(subject) != kept.sources.get(subject):
            return f"the grants of {subject} that are kept are not those that it tells of"
    for feature in POOLED:
        granted = _granted(past, feature)
        if granted != balances.get(feature, _NONE)[:2]:
            return f"its grants of {feature} come to {granted[0]} and {granted[1]} of overdraft, and its balance is another"
    if past.nodes != kept.nodes or len(past.nodes) != balances.get(CCM_NODE, _NONE)[2]:
        return "the nodes that are kept are not those that it tells of"
    held = sum(units * devices for (_, units), devices in kept.devices.items())
    if held != balances.get(PHONE_UNIT, _NONE)[2]:
        return f"the devices that are kept hold {held} units, and it tells of {balances.get(PHONE_UNIT, _NONE)[2]}"
    if (wrong := _other(kept.devices, told)) is not None:
        return f"the devices that are kept are {wrong}"
    if (wrong := _other(kept.counts, told)) is not None:
        return f"the counts of devices by type that are kept say {wrong}"
    if (past.product_version, past.frozen, past.license_manager) != (kept.product_version, kept.frozen, kept.license_manager):
        return "the cluster that is kept is not the one that it tells of"
    if past.service != kept.service:
        return "the license manager that is kept is not started or stopped as it tells"
    if (past.overdraft_policy, past.rung) != (kept.overdraft_policy, kept.rung):
        return "the overdraft policy that is kept, or where it stands, is not what it tells of"
    return None


def _other(found: Types, told: Types) -> str | None:
    for kind in sorted({*found, *told}):
        if found.get(kind, 0) != told.get(kind, 0):
            return f"{found.get(kind, 0)} {kind[0]} of {kind[1]} units each, and it tells of {told.get(kind, 0)}"
    return None


def _written(numbers: tuple[int, int, int]) -> str:
    authorized, allowed, used = numbers
    return f"{authorized} authorized, {allowed} of overdraft, {used} used"


def _granted(past: Past, feature: str) -> tuple[int, int]:
    lines = [line for source in past.sources.values() for line in source.lines if line.granting and line.feature == feature]
    return sum(line.units for line in lines), sum(line.overdraft_units for line in lines)


def unsigned(past: Past, lines: Iterable[LicenseLine]) -> str | None:
    """The first line that grants and is none of ``lines``, whose signatures hold; the starter is known, a migration's grant provisional."""
    signed = {(line.license_file_id, line.license_line_id): line for line in lines}
    starter = {(x.line_id, x.feature, x.units, x.overdraft_units) for x in starter_lines(0)}
    for subject, source in sorted(past.sources.items()):
        for line in source.lines:
            if not line.granting or subject == "migration":
                continue
            if subject == "starter":
                proved = (line.line_id, line.feature, line.units, line.overdraft_units) in starter
            else:
                proved = _says(signed.get((subject, line.line_id)), line)
            if not proved:
                return f"line {line.line_id} of {subject} grants {line.units} {line.feature}, and no given file has that signed"
    return None


def _says(signed: LicenseLine | None, line: GrantedLine) -> bool:
    return signed is not None and (signed.feature, signed.units or 0, signed.overdraft_units) == (
        line.feature,
        line.units,
        line.overdraft_units,
    )
