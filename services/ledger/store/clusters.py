"""A cluster as one value: locked and loaded in the one order of locks, changed by what differs."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from services.ledger.domain.cluster import Cluster
from services.ledger.domain.grants import Grants, LicenseFile, Line
from services.ledger.domain.nodes import Node
from services.ledger.domain.pool import POOLED
from services.ledger.domain.transitions import PoolState
from services.ledger.store import ladders, network_services
from services.ledger.tables import ClusterRow, GrantLineRow, LicenseFileRow, MigrationRow, NodeRow, PoolRow, StarterUseRow
from shared.kit.problems import NotFound
from shared.kit.transaction import Transaction

_FILE_FIELDS = tuple(LicenseFile.__dataclass_fields__)
_LINE_FIELDS = tuple(Line.__dataclass_fields__)


async def claim(tx: Transaction, cluster: str, product_version: str, now: datetime) -> Cluster | None:
    """Make the name ours: the cluster, empty. None where it exists already, or appears while we wait."""
    empty = Cluster(cluster, product_version, now)
    values = {"cluster": cluster, "product_version": product_version, "version": 0, "frozen": False, "software_major": 0, "created_at": now}
    claimed = insert(ClusterRow).values(values).on_conflict_do_nothing().returning(col(ClusterRow.cluster))
    if (await tx.session.execute(claimed)).first() is None:
        return None
    zeros = {"authorized": 0, "overdraft_allowed": 0, "used": 0, "version": 0, "limit_approached": False}
    await tx.session.execute(insert(PoolRow), [{"cluster": cluster, "feature": feature, **zeros} for feature in POOLED])
    return empty


async def lock(tx: Transaction, cluster: str) -> Cluster:
    """The cluster, ours until the commit. Raises NotFound."""
    found = await lock_all(tx, [cluster])
    if cluster not in found:
        raise NotFound("cluster", cluster)
    return found[cluster]


async def lock_all(tx: Transaction, names: Iterable[str]) -> dict[str, Cluster]:
    """Those of ``names`` that exist, locked by name, then their pools by name and feature."""
    wanted = sorted(set(names))
    own = col(ClusterRow.cluster)
    chosen = select(ClusterRow).where(own.in_(wanted)).order_by(own).with_for_update(key_share=True)
    rows = (await tx.session.scalars(chosen)).all()
    if not rows:
        return {}
    pools = select(PoolRow).where(col(PoolRow.cluster).in_(wanted)).order_by(col(PoolRow.cluster), col(PoolRow.feature))
    pool_rows = (await tx.session.scalars(pools.with_for_update(key_share=True))).all()
    nodes = (await tx.session.scalars(select(NodeRow).where(col(NodeRow.cluster).in_(wanted)).order_by(col(NodeRow.node)))).all()
    files = (await tx.session.scalars(select(LicenseFileRow).where(col(LicenseFileRow.cluster).in_(wanted)))).all()
    lines = (await tx.session.scalars(select(GrantLineRow).where(col(GrantLineRow.cluster).in_(wanted)))).all()
    coverage = select(col(MigrationRow.cluster), col(MigrationRow.nodes)).where(col(MigrationRow.cluster).in_(wanted))
    covered = {row.cluster: row.nodes for row in await tx.session.execute(coverage)}
    return {row.cluster: _cluster(row, pool_rows, nodes, files, lines, covered.get(row.cluster)) for row in rows}


def _cluster(
    row: ClusterRow,
    pools: Sequence[PoolRow],
    nodes: Sequence[NodeRow],
    files: Sequence[LicenseFileRow],
    lines: Sequence[GrantLineRow],
    covered_nodes: int | None,
) -> Cluster:
    grants = Grants(
        tuple(LicenseFile(**{name: getattr(f, name) for name in _FILE_FIELDS}) for f in files if f.cluster == row.cluster),
        tuple(Line(**{name: getattr(x, name) for name in _LINE_FIELDS}) for x in lines if x.cluster == row.cluster),
    )
    return Cluster(
        name=row.cluster,
        product_version=row.product_version,
        created_at=row.created_at,
        version=row.version,
        frozen=row.frozen,
        migration_id=row.migration_id,
        covered_nodes=covered_nodes,
        license_manager=row.license_manager,
        service=network_services.service_of(row),
        software_major=row.software_major,
        nodes=tuple(Node(n.node, n.mac, n.first) for n in nodes if n.cluster == row.cluster),
        grants=grants,
        pools={p.feature: ladders.state_of(p) for p in pools if p.cluster == row.cluster},
    )


async def save(tx: Transaction, before: Cluster, after: Cluster) -> None:
    """Write what differs between two states of a cluster that is locked."""
    names = ("product_version", "version", "frozen", "migration_id", "license_manager", "software_major")
    changed = {name: getattr(after, name) for name in names if getattr(after, name) != getattr(before, name)}
    if after.service != before.service:
        changed |= network_services.values_of(after.service)
    if changed:
        await tx.session.execute(update(ClusterRow).where(col(ClusterRow.cluster) == after.name).values(changed))
    if after.nodes != before.nodes:
        await _save_nodes(tx, before, after)
    if after.grants.files != before.grants.files:
        await _save_files(tx, before, after)
    if after.grants.lines != before.grants.lines:
        await _save_lines(tx, before, after)
    for feature in POOLED:
        if after.pools[feature] != before.pools[feature]:
            await save_pool(tx, after.name, after.pools[feature])


async def save_pool(tx: Transaction, cluster: str, state: PoolState) -> None:
    """Write a pool of a cluster that is locked."""
    ours = (col(PoolRow.cluster) == cluster, col(PoolRow.feature) == state.pool.feature)
    await tx.session.execute(update(PoolRow).where(*ours).values(ladders.values_of(state)))


async def _save_nodes(tx: Transaction, before: Cluster, after: Cluster) -> None:
    """Nodes that are not first before the one that is: at no moment may there be two."""
    ours = col(NodeRow.cluster) == after.name
    if gone := {n.node for n in before.nodes} - {n.node for n in after.nodes}:
        await tx.session.execute(delete(NodeRow).where(ours, col(NodeRow.node).in_(gone)))
    for node in sorted(set(after.nodes) - set(before.nodes), key=lambda n: (n.first, n.node)):
        put = insert(NodeRow).values(cluster=after.name, node=node.node, mac=node.mac, first=node.first)
        await tx.session.execute(put.on_conflict_do_update(index_elements=["cluster", "node"], set_={"mac": node.mac, "first": node.first}))


async def _save_files(tx: Transaction, before: Cluster, after: Cluster) -> None:
    known = set(before.grants.files)
    for file in after.grants.files:
        if file not in known:
            values = {"cluster": after.name, **{name: getattr(file, name) for name in _FILE_FIELDS}}
            put = insert(LicenseFileRow).values(values)
            await tx.session.execute(put.on_conflict_do_update(index_elements=["license_file_id"], set_=values))


async def _save_lines(tx: Transaction, before: Cluster, after: Cluster) -> None:
    known = {line.key: line for line in before.grants.lines}
    new = [line for line in after.grants.lines if line.key not in known]
    if new:
        rows = [{"cluster": after.name, **{name: getattr(line, name) for name in _LINE_FIELDS}} for line in new]
        await tx.session.execute(insert(GrantLineRow), rows)
    for line in after.grants.lines:
        if line.key in known and line != known[line.key]:
            own_file = col(GrantLineRow.license_file_id).is_not_distinct_from(line.license_file_id)
            ours = (col(GrantLineRow.cluster) == after.name, col(GrantLineRow.source) == line.source, own_file)
            same = col(GrantLineRow.line_id) == line.line_id
            await tx.session.execute(update(GrantLineRow).where(*ours, same).values(granting=line.granting))


async def lock_license_files(tx: Transaction) -> None:
    """One change of license files at a time in the whole ledger: a re-host may concern files of several clusters."""
    await tx.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("ledger/license-files", 0))))


async def owners_of(tx: Transaction, license_file_ids: Iterable[str]) -> dict[str, str]:
    """Which cluster each known file belongs to."""
    ids = list(license_file_ids)
    rows = await tx.session.execute(
        select(col(LicenseFileRow.license_file_id), col(LicenseFileRow.cluster)).where(col(LicenseFileRow.license_file_id).in_(ids))
    )
    return {row.license_file_id: row.cluster for row in rows}


async def lock_macs(tx: Transaction, macs: Iterable[str]) -> None:
    """Keep everybody else from these addresses until the commit; in one order, so that two who exchange theirs do not wait in a circle."""
    for mac in sorted(set(macs)):
        await tx.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"ledger/mac/{mac}", 0))))


async def bearer_of(tx: Transaction, mac: str) -> tuple[str, str] | None:
    """The cluster and the node that have this address."""
    row = (await tx.session.execute(select(col(NodeRow.cluster), col(NodeRow.node)).where(col(NodeRow.mac) == mac))).one_or_none()
    return (row.cluster, row.node) if row else None


async def claim_starter(tx: Transaction, mac: str, cluster: str) -> bool:
    """Note that the starter was given for this address; False where another cluster's was."""
    await tx.session.execute(insert(StarterUseRow).values(mac=mac, cluster=cluster).on_conflict_do_nothing())
    owner = (await tx.session.execute(select(col(StarterUseRow.cluster)).where(col(StarterUseRow.mac) == mac))).scalar_one()
    return bool(owner == cluster)
