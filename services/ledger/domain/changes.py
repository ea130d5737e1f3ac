"""What a change of a cluster writes into its journal: an entry for each node, file and line of a grant that is not as it was.

Must not be broken: the entries add up to the pools after the change; ``write_changes`` asserts it. And the last entries about the
cluster, a node and a source of units say all that a unit report tells of them and that may change: see ``past.py``, which reads them.
"""

import json
from dataclasses import replace
from typing import Any

from services.ledger.domain.cluster import Cluster
from services.ledger.domain.desk import Holding
from services.ledger.domain.grants import LicenseFile, Line
from services.ledger.domain.journal import Kind, Origin, Pen
from services.ledger.domain.ladder import content_of
from services.ledger.domain.nodes import Node
from services.ledger.domain.pool import CCM_NODE, PHONE_UNIT, POOLED, Pool
from services.ledger.domain.transitions import PoolState

_GIVES: dict[str, Kind] = {"file": "grant", "starter": "starter", "migration": "migration"}


def write_changes(pen: Pen, before: Cluster, after: Cluster, origin: Origin) -> None:
    """Entries that lead from the pools of ``before`` to those of ``after``."""
    _Writing(pen, origin, {feature: before.pools[feature].pool for feature in POOLED}).write(before, after)


def write_opening(pen: Pen, cluster: Cluster, origin: Origin) -> None:
    """The state of a cluster that is older than its journal, but for its devices."""
    pools = {feature: Pool(feature) for feature in POOLED}
    bare = Cluster(cluster.name, "", cluster.created_at)
    _Writing(pen, origin, pools, opening=True).write(bare, cluster)


class _Writing:
    """The pools on their way from one state of a cluster to the next."""

    def __init__(self, pen: Pen, origin: Origin, pools: dict[str, Pool], *, opening: bool = False) -> None:
        self._pen = pen
        self._origin = origin
        self._pools = pools
        self._opening = opening

    def write(self, before: Cluster, after: Cluster) -> None:
        if before.version == 0 or _facts(before) != _facts(after):
            self._entry("cluster", after.name, PHONE_UNIT, detail=_facts(after))
        self._write_nodes({node.node: node for node in before.nodes}, {node.node: node for node in after.nodes})
        self._write_sources(before, after)
        self._write_lines(before, after)
        for feature in POOLED:
            if feature == PHONE_UNIT and self._opening:
                continue  # its devices follow
            assert self._pools[feature] == after.pools[feature].pool, "the entries must add up to the pool"

    def _entry(self, kind: Kind, subject: str, feature: str, *, reason: str = "", detail: str = "") -> None:
        self._pen.write(kind, subject, self._pools[feature], self._origin, reason=reason, detail=detail)

    def _write_nodes(self, before: dict[str, Node], after: dict[str, Node]) -> None:
        for name in before.keys() - after.keys():
            self._move_node("check_in", name, Holding(name, "", 1), None, "")
        for name, node in after.items():
            detail = json.dumps({"mac": node.mac, "first": node.first})
            if name not in before:
                self._move_node("check_out", name, None, Holding(name, "", 1), detail)
            elif before[name] != node:
                self._entry("node", name, CCM_NODE, detail=detail)

    def _move_node(self, kind: Kind, name: str, before: Holding | None, after: Holding | None, detail: str) -> None:
        pool = self._pools[CCM_NODE]
        self._pools[CCM_NODE] = pool = replace(pool, used=pool.used + (1 if after else -1))
        said: Kind = "opening" if self._opening else kind
        self._pen.write(said, name, pool, self._origin, before=before, after=after, detail=detail)

    def _write_sources(self, before: Cluster, after: Cluster) -> None:
        """License files, the starter and a migration's grant, each with all its lines, also those that grant nothing."""
        known = _sources(before)
        for subject, (file, lines) in _sources(after).items():
            if known.pop(subject, None) != (file, lines):
                detail = json.dumps({**(_file_facts(file) if file else {}), "lines": [_line_facts(line) for line in lines]})
                self._entry("license_file", subject, PHONE_UNIT, reason=file.state if file else "", detail=detail)
        for gone in known:
            self._entry("license_file", gone, PHONE_UNIT, reason="another cluster installed it")

    def _write_lines(self, before: Cluster, after: Cluster) -> None:
        gave = {line.key for line in before.grants.lines if line.granting}
        states = {file.license_file_id: file.state for file in after.grants.files}
        lines = [line for line in after.grants.lines if line.feature in POOLED and line.granting != (line.key in gave)]
        # First what ends: a re-host never shows both at once.
        for line in sorted(lines, key=lambda line: line.granting):
            self._grant(line, states.get(line.license_file_id or "", "superseded"))

    def _grant(self, line: Line, state: str) -> None:
        sign = 1 if line.granting else -1
        units, overdraft = sign * line.units, sign * line.overdraft_units
        pool = self._pools[line.feature]
        pool = replace(pool, authorized=pool.authorized + units, overdraft_allowed=pool.overdraft_allowed + overdraft)
        self._pools[line.feature] = pool
        kind: Kind = "opening" if self._opening else _GIVES[line.source] if line.granting else "retire"
        reason, detail = ("" if line.granting else state), json.dumps({"line": line.line_id})
        subject = line.license_file_id or line.source
        self._pen.write(
            kind,
            subject,
            pool,
            self._origin,
            authorized_change=units,
            overdraft_change=overdraft,
            reason=reason,
            detail=detail,
        )


def write_stage(pen: Pen, state: PoolState, origin: Origin) -> None:
    """An entry for an overdraft that began, reached a stage, or ended."""
    rung = state.rung
    since = rung.since.isoformat() if rung.since else None
    told = {"stage": rung.stage, "since": since, "stopped": rung.stopped, "allowance": state.overdraft_in_force}
    pen.write("ladder", pen.cluster, state.pool, origin, reason=rung.stage or "ended", detail=json.dumps(told))


def _facts(cluster: Cluster) -> str:
    """What decides about check-outs, and is no number."""
    return json.dumps(
        {
            "product_version": cluster.product_version,
            "frozen": cluster.frozen,
            "migration_id": cluster.migration_id,
            "license_manager": cluster.license_manager,
            "software_major": cluster.software_major,
            "overdraft_policy": content_of(cluster.pools[PHONE_UNIT].policy),
        }
    )


def _sources(cluster: Cluster) -> dict[str, tuple[LicenseFile | None, list[Line]]]:
    """What units come from, by the subject of its entries."""
    found: dict[str, tuple[LicenseFile | None, list[Line]]] = {file.license_file_id: (file, []) for file in cluster.grants.files}
    for line in sorted(cluster.grants.lines, key=lambda line: line.line_id):
        found.setdefault(line.license_file_id or line.source, (None, []))[1].append(line)
    return found


def _file_facts(file: LicenseFile) -> dict[str, Any]:
    moments = {"installed_at": file.installed_at, "expires_at": file.expires_at, "grace_ends_at": file.grace_ends_at}
    facts = {"state": file.state, "version": file.version, "granting": file.granting, "superseded": file.superseded, "mac": file.mac}
    return {**facts, **{name: at.isoformat() for name, at in moments.items() if at is not None}}


def _line_facts(line: Line) -> dict[str, Any]:
    numbers = {"units": line.units, "overdraft_units": line.overdraft_units, "major": line.major}
    return {"line": line.line_id, "feature": line.feature, **numbers, "granting": line.granting}
