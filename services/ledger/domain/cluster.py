"""A cluster as one value, without its devices. Whatever follows from its parts is derived in one place, ``settled``.

Must not be broken: every change of a cluster ends in ``settled``, so that the sums in its pools are those of its lines and nodes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.ledger.domain.grants import (
    Grants,
    LicenseFile,
    Line,
    change_state,
    install,
    starter_lines,
    supersede,
    under_starter,
    withdraw,
)
from services.ledger.domain.ladder import Policy
from services.ledger.domain.network_service import NetworkService, check_started, stop_of
from services.ledger.domain.nodes import Node, admit_node, first_node, license_manager, put_node
from services.ledger.domain.pool import CCM_NODE, PHONE_UNIT, POOLED, Pool
from services.ledger.domain.refusals import MajorLowered
from services.ledger.domain.transitions import PoolState
from shared.license_file.consequences import licenses_software, software_major


def major_of(product_version: str) -> int:
    """The part of a version that decides about licenses: 5 of ``5.0``."""
    return int(product_version.partition(".")[0])


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster. ``software_major``: the highest major version whose software is licensed, 0 for none.

    ``covered_nodes``: what its migration counted, None where there was none. ``service``: its license manager, started or stopped.
    """

    name: str
    product_version: str
    created_at: datetime
    version: int = 0
    frozen: bool = False
    migration_id: str | None = None
    covered_nodes: int | None = None
    license_manager: str | None = None
    service: NetworkService = field(default_factory=NetworkService)
    software_major: int = 0
    nodes: tuple[Node, ...] = ()
    grants: Grants = field(default_factory=Grants)
    pools: Mapping[str, PoolState] = field(default_factory=lambda: {feature: PoolState(Pool(feature)) for feature in POOLED})

    def __post_init__(self) -> None:
        assert not self.frozen or self.migration_id is not None  # paired with CHECK cluster_frozen_only_when_migrated

    @property
    def major(self) -> int:
        return major_of(self.product_version)


def check_changeable(cluster: Cluster) -> None:
    """May a caller change the cluster? What license files bring or take, and time, is asked of nobody. Raises LicenseManagerStopped."""
    check_started(stop_of(cluster.service, cluster.name, cluster.license_manager))


def settled(cluster: Cluster) -> Cluster:
    """The cluster with everything that follows from its parts: pools, role, software license."""
    pools = dict(cluster.pools)
    for feature in POOLED:
        lines = cluster.grants.granting_lines(feature)
        used = len(cluster.nodes) if feature == CCM_NODE else pools[feature].pool.used
        pool = Pool(feature, sum(line.units for line in lines), sum(line.overdraft_units for line in lines), used)
        pools[feature] = replace(pools[feature], pool=pool)
    return replace(
        cluster,
        pools=pools,
        license_manager=license_manager(cluster.nodes, cluster.grants.files),
        software_major=_software_major(cluster),
    )


def _software_major(cluster: Cluster) -> int:
    """A software license comes from SW_FEATURE lines; the starter and a migration, provisional or as a file, include it."""
    made_of_it = {f.license_file_id for f in cluster.grants.files if cluster.migration_id and f.migration_id == cluster.migration_id}
    licensing = [
        line.major
        for line in cluster.grants.lines
        if line.granting and licenses_software(line.feature, by_migration=line.source == "migration" or line.license_file_id in made_of_it)
    ]
    return software_major(cluster.major, under_starter=under_starter(cluster.grants), licensing=licensing)


def begin(cluster: Cluster, *, starter: bool) -> Cluster:
    """A new cluster, with the starter license or without."""
    return settled(replace(cluster, grants=Grants((), starter_lines(cluster.major) if starter else ())))


def change_version(cluster: Cluster, product_version: str) -> Cluster:
    """Raises LicenseManagerStopped, MajorLowered."""
    if product_version != cluster.product_version:
        check_changeable(cluster)
    if major_of(product_version) < cluster.major:
        raise MajorLowered(cluster.product_version, product_version)
    return settled(replace(cluster, product_version=product_version))


def with_policy(cluster: Cluster, policy: Policy) -> Cluster:
    """The cluster with another overdraft policy; where it stands on the ladder follows when the change is recorded.

    Raises LicenseManagerStopped.
    """
    if policy != cluster.pools[PHONE_UNIT].policy:
        check_changeable(cluster)
    return replace(cluster, pools={**cluster.pools, PHONE_UNIT: replace(cluster.pools[PHONE_UNIT], policy=policy)})


def with_node(cluster: Cluster, name: str, mac: str, first: bool | None) -> Cluster:
    """The cluster with the node as wanted; a new one is admitted first.

    Raises LicenseManagerStopped, UnitsExhausted, ProvisioningFrozen, FirstNodeRequired.
    """
    nodes = put_node(cluster.nodes, name, mac, first)
    if nodes != cluster.nodes:
        check_changeable(cluster)
    if len(nodes) > len(cluster.nodes):
        wanted = next(node for node in nodes if node.node == name)
        covered = cluster.covered_nodes if cluster.frozen else None
        admit_node(cluster.pools[CCM_NODE].pool, cluster.nodes, becomes_first=wanted.first, covered=covered)
    return settled(replace(cluster, nodes=nodes))


def without_node(cluster: Cluster, name: str) -> Cluster:
    """Raises LicenseManagerStopped."""
    nodes = tuple(node for node in cluster.nodes if node.node != name)
    if nodes != cluster.nodes:
        check_changeable(cluster)
    return settled(replace(cluster, nodes=nodes))


def without_starter(cluster: Cluster) -> Cluster:
    return settled(replace(cluster, grants=withdraw(cluster.grants, "starter")))


def new_first_mac(before: Cluster, after: Cluster) -> str | None:
    """The address of a first node that the starter must be claimed for: it is new, and the starter still grants."""
    was, now = first_node(before.nodes), first_node(after.nodes)
    granting = any(line.granting for line in after.grants.lines if line.source == "starter")
    return now.mac if now and granting and (was is None or was.mac != now.mac) else None


def with_file(cluster: Cluster, file: LicenseFile, lines: tuple[Line, ...]) -> Cluster:
    """A license file was accepted. The one made from the cluster's migration replaces the provisional grant and ends the freeze."""
    completes = cluster.frozen and file.migration_id is not None and file.migration_id == cluster.migration_id
    grants = install(cluster.grants, file, lines, completes_migration=completes)
    return settled(replace(cluster, grants=grants, frozen=cluster.frozen and not completes))


def with_file_state(cluster: Cluster, file: LicenseFile) -> Cluster:
    """A file's state changed; what it grants stays or is taken back."""
    return settled(replace(cluster, grants=change_state(cluster.grants, file)))


def without_replaced(cluster: Cluster, license_file_id: str) -> Cluster:
    return settled(replace(cluster, grants=supersede(cluster.grants, license_file_id)))


def migrated(cluster: Cluster, migration_id: str, nodes: int, units: int, to_version: str) -> Cluster:
    """The cluster frozen, with a provisional grant of what its devices and nodes need and without its starter. Raises MajorLowered."""
    raised = change_version(cluster, to_version) if major_of(to_version) != cluster.major else cluster
    lines = (
        Line("migration", None, 1, CCM_NODE, nodes, 0, major_of(to_version), granting=True),
        Line("migration", None, 2, PHONE_UNIT, units, 0, major_of(to_version), granting=True),
    )
    left = withdraw(raised.grants, "starter")
    grants = replace(left, lines=(*left.lines, *lines))
    return settled(replace(raised, grants=grants, migration_id=migration_id, covered_nodes=nodes, frozen=True))
