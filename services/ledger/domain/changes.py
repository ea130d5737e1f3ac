"""What a change of a cluster writes into its journal: an entry for each node, file and line of a grant that is not as it was.

Must not be broken: the entries add up to the pools after the change; ``write_changes`` asserts it.
"""

import json
from dataclasses import replace

from services.ledger.domain.cluster import Cluster
from services.ledger.domain.devices import Holding
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
        self._write_files(before, after)
        self._write_lines(before, after)
        for feature in POOLED:
            if feature == PHONE_UNIT and self._opening:
                continue  # its devices follow
            assert self._pools[feature] == after.pools[feature].pool, "the entries must add up to the pool"

    def _entry(self, kind: Kind, subject: str, feature: str, *, reason: str = "", detail: str = "") -> None:
        self._pen.write("opening" if self._opening else kind, subject, self._pools[feature], self._origin, reason=reason, detail=detail)

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

    def _write_files(self, before: Cluster, after: Cluster) -> None:
        known = {file.license_file_id: file for file in before.grants.files}
        for file in after.grants.files:
            if known.pop(file.license_file_id, None) != file:
                self._entry("license_file", file.license_file_id, PHONE_UNIT, reason=file.state, detail=_file_facts(file))
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
    """An entry for the stage that an overdraft has reached."""
    rung = state.rung
    told = {"since": rung.since.isoformat() if rung.since else None, "stopped": rung.stopped, "allowance": state.overdraft_in_force}
    pen.write("ladder", pen.cluster, state.pool, origin, reason=rung.stage or "", detail=json.dumps(told))


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


def _file_facts(file: LicenseFile) -> str:
    moments = {"installed_at": file.installed_at, "expires_at": file.expires_at, "grace_ends_at": file.grace_ends_at}
    facts = {"state": file.state, "version": file.version, "granting": file.granting, "superseded": file.superseded, "mac": file.mac}
    return json.dumps({**facts, **{name: at.isoformat() for name, at in moments.items() if at is not None}})
