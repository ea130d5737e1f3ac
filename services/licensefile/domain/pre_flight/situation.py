"""A cluster as the ledger tells of it and its files as they are here, and the same after a change that nobody has made yet."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from services.licensefile.domain.cluster import Cluster
from services.licensefile.domain.installed import InstalledFile
from shared.license_file.consequences import PoolStatus, pool_status
from shared.license_file.features import major_of

FARTHEST = timedelta(days=36_525)
"""Nobody plans farther ahead than a hundred years, and every sum of dates stays within the calendar."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node; ``mac``: twelve upper-case hexadecimal digits."""

    node: str
    mac: str
    first: bool


@dataclass(frozen=True, slots=True)
class Pool:
    """A feature's pool in units (for CCM_NODE: nodes)."""

    feature: str
    authorized: int
    overdraft_allowed: int
    used: int

    @property
    def status(self) -> PoolStatus:
        return pool_status(self.authorized, self.overdraft_allowed, self.used)


@dataclass(frozen=True, slots=True)
class Situation:
    """``files``: those that grant. ``counted``: LicFileIDs whose units are in the pools now. ``starter``: it still grants phone units.

    ``provisional_major``: of what a migration grants until its real file is installed, 0 for nothing.
    """

    cluster: Cluster
    nodes: tuple[Node, ...]
    pools: tuple[Pool, ...]
    files: tuple[InstalledFile, ...]
    counted: frozenset[str]
    starter: bool = False
    migration_id: str | None = None
    provisional_major: int = 0

    @property
    def first_node(self) -> Node | None:
        return next((node for node in self.nodes if node.first), None)


@dataclass(frozen=True, slots=True)
class Change:
    """What is thought of: at ``at`` the first node gets another MAC (normalized), or the cluster another version, or neither."""

    at: datetime
    first_node_mac: str | None = None
    product_version: str | None = None


@dataclass
class MacInUse(Exception):
    """Another node has this address already. ``used_by_node`` is known of this cluster's own nodes only."""

    mac: str
    used_by_cluster: str
    used_by_node: str | None

    def __str__(self) -> str:
        node = f"node {self.used_by_node!r}" if self.used_by_node else "a node"
        return f"{self.mac} is the address of {node} of cluster {self.used_by_cluster!r}. Check the address, or remove that node first."


@dataclass
class MajorLowered(Exception):
    """The cluster's major version would go down, which the ledger refuses."""

    product_version: str
    asked_version: str

    def __str__(self) -> str:
        return (
            f"The cluster runs {self.product_version}; its major version cannot be lowered to that of {self.asked_version}, so there is "
            "nothing to foretell. Register the downgraded system as a new cluster."
        )


@dataclass
class FirstNodeMissing(Exception):
    """The first node's MAC cannot change where there is no first node."""

    cluster: str

    def __str__(self) -> str:
        return f"Cluster {self.cluster!r} has no first node whose MAC could change. Put its first node, or leave first_node_mac out."


@dataclass
class NotAhead(Exception):
    """A pre-flight looks ahead, and not farther than dates reach."""

    at: datetime
    now: datetime
    latest: datetime

    def __str__(self) -> str:
        at, now, latest = (moment.isoformat(timespec="seconds") for moment in (self.at, self.now, self.latest))
        return f"{at} does not lie between now ({now}) and {latest}. Leave `at` out for what happens now."


def moment_of(at: date | datetime | None, now: datetime) -> datetime:
    """The moment that is meant: of a day its first, of today now. Raises NotAhead."""
    if at is None or (not isinstance(at, datetime) and at == now.date()):
        return now
    moment = at if isinstance(at, datetime) else datetime.combine(at, time.min, UTC)
    if not now <= moment <= now + FARTHEST:  # before it is put into UTC, where the calendar may have no such day
        raise NotAhead(moment, now, now + FARTHEST)
    return moment.astimezone(UTC)


def changed(situation: Situation, change: Change, bearers: Mapping[str, str]) -> Situation:
    """The situation with the change made. ``bearers``: the cluster of each MAC that a node of another cluster has.

    Raises FirstNodeMissing, MacInUse, MajorLowered.
    """
    cluster, nodes = situation.cluster, situation.nodes
    if change.product_version is not None:
        if major_of(change.product_version) < cluster.major:
            raise MajorLowered(cluster.product_version, change.product_version)
        cluster = replace(cluster, product_version=change.product_version)
    if change.first_node_mac is not None:
        nodes = _with_first_mac(situation, change.first_node_mac, bearers)
        cluster = replace(cluster, macs=tuple(node.mac for node in nodes))
    return replace(situation, cluster=cluster, nodes=nodes)


def _with_first_mac(situation: Situation, mac: str, bearers: Mapping[str, str]) -> tuple[Node, ...]:
    first = situation.first_node
    if first is None:
        raise FirstNodeMissing(situation.cluster.name)
    if other := next((node for node in situation.nodes if node.mac == mac and node != first), None):
        raise MacInUse(mac, situation.cluster.name, other.node)
    if mac in bearers:
        raise MacInUse(mac, bearers[mac], None)
    return tuple(replace(node, mac=mac) if node == first else node for node in situation.nodes)
