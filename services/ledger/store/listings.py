"""Pages of clusters, nodes and devices, by name. Reads lock nothing.

Must not be broken: what is told of a cluster comes from several statements, which must read one moment: else a node that
leaves meanwhile would still hold a role, and whoever decides by what was read would do so on a state that never was.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlmodel import col

from services.ledger.domain.ladder import Policy
from services.ledger.store import ladders
from services.ledger.tables import ClusterRow, DeviceRow, GrantLineRow, LicenseFileRow, NodeRow
from shared.kit.problems import NotFound
from shared.kit.transaction import Transaction


@dataclass(frozen=True, slots=True)
class ClusterListing:
    """A cluster with what is told of it: its nodes by name, its file ids, its overdraft policy, and whether its starter still grants."""

    row: ClusterRow
    nodes: list[NodeRow]
    license_file_ids: list[str]
    starter: bool
    policy: Policy


async def in_one_snapshot(tx: Transaction) -> None:
    """Have everything that this transaction reads be of one moment, and let it write nothing. Must come before its first statement."""
    await tx.session.connection(execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True})


async def find_cluster(tx: Transaction, cluster: str) -> ClusterListing:
    """Raises NotFound."""
    (found,) = await _listings(tx, [await cluster_row(tx, cluster)])
    return found


async def cluster_row(tx: Transaction, cluster: str) -> ClusterRow:
    """Raises NotFound."""
    row = await tx.session.get(ClusterRow, cluster)
    if row is None:
        raise NotFound("cluster", cluster)
    return row


async def all_names(tx: Transaction) -> Sequence[str]:
    """Every cluster, by name."""
    return (await tx.session.scalars(select(col(ClusterRow.cluster)).order_by(col(ClusterRow.cluster)))).all()


async def page_of_clusters(tx: Transaction, after: str | None, limit: int) -> list[ClusterListing]:
    """``limit`` clusters by name, behind ``after``."""
    own = col(ClusterRow.cluster)
    chosen = select(ClusterRow).order_by(own).limit(limit)
    if after is not None:
        chosen = chosen.where(own > after)
    return await _listings(tx, (await tx.session.scalars(chosen)).all())


async def _listings(tx: Transaction, rows: Sequence[ClusterRow]) -> list[ClusterListing]:
    """Four more questions, however many clusters there are."""
    names = [row.cluster for row in rows]
    nodes: dict[str, list[NodeRow]] = {name: [] for name in names}
    for node in await tx.session.scalars(select(NodeRow).where(col(NodeRow.cluster).in_(names)).order_by(col(NodeRow.node))):
        nodes[node.cluster].append(node)
    files: dict[str, list[str]] = {name: [] for name in names}
    file_id = col(LicenseFileRow.license_file_id)
    asked = select(col(LicenseFileRow.cluster), file_id).where(col(LicenseFileRow.cluster).in_(names)).order_by(file_id)
    for cluster, known in await tx.session.execute(asked):
        files[cluster].append(known)
    granting = (col(GrantLineRow.source) == "starter", col(GrantLineRow.granting), col(GrantLineRow.cluster).in_(names))
    starters = set(await tx.session.scalars(select(col(GrantLineRow.cluster)).where(*granting)))
    policies = await ladders.policies_of(tx, names)
    return [ClusterListing(row, nodes[row.cluster], files[row.cluster], row.cluster in starters, policies[row.cluster]) for row in rows]


async def find_node(tx: Transaction, cluster: str, node: str) -> NodeRow:
    """Raises NotFound."""
    row = await tx.session.get(NodeRow, (cluster, node))
    if row is None:
        raise NotFound("node", node)
    return row


async def page_of_nodes(tx: Transaction, cluster: str, after: str | None, limit: int) -> list[NodeRow]:
    """``limit`` nodes of the cluster by name, behind ``after``."""
    chosen = select(NodeRow).where(col(NodeRow.cluster) == cluster).order_by(col(NodeRow.node)).limit(limit)
    if after is not None:
        chosen = chosen.where(col(NodeRow.node) > after)
    return list(await tx.session.scalars(chosen))


async def page_of_devices(tx: Transaction, cluster: str, device_type: str | None, after: str | None, limit: int) -> list[DeviceRow]:
    """``limit`` devices of the cluster by name, behind ``after``; of one type where one is named."""
    chosen = select(DeviceRow).where(col(DeviceRow.cluster) == cluster).order_by(col(DeviceRow.device)).limit(limit)
    if device_type is not None:
        chosen = chosen.where(col(DeviceRow.device_type) == device_type)
    if after is not None:
        chosen = chosen.where(col(DeviceRow.device) > after)
    return list(await tx.session.scalars(chosen))


async def find_device(tx: Transaction, cluster: str, device: str) -> DeviceRow:
    """Raises NotFound."""
    row = await tx.session.get(DeviceRow, (cluster, device))
    if row is None:
        await cluster_row(tx, cluster)
        raise NotFound("device", device)
    return row
