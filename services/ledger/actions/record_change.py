"""What every change of a cluster ends with: the difference is written, journalled, and told."""

from dataclasses import replace

from services.ledger.actions.tell_pool import tell_change
from services.ledger.domain.changes import write_changes, write_stage
from services.ledger.domain.cluster import Cluster
from services.ledger.domain.journal import Origin
from services.ledger.domain.pool import PHONE_UNIT, POOLED
from services.ledger.domain.transitions import Limits, advance
from services.ledger.store import clusters, journal
from shared.contracts.events.ledger import ClusterChanged, ClusterNode
from shared.kit.trace import Trace, current_trace
from shared.kit.transaction import Transaction


async def record_change(tx: Transaction, limits: Limits, before: Cluster, after: Cluster) -> Cluster:
    """Write ``after`` and publish one fact for each pool that changed and one for the cluster's version, nodes or role.

    Returns what was written: with the versions counted up.
    """
    direct = await tx.direct()
    pen = await journal.pen_for(direct, after.name)
    pools = dict(after.pools)
    for feature in POOLED:
        wanted = after.pools[feature]
        pools[feature], transitions = advance(before.pools[feature], wanted.pool, limits, pen.at, wanted.policy)
        if pools[feature] != before.pools[feature]:
            tell_change(tx, after.name, pools[feature], transitions)
    # A new cluster (version 0) is news by itself.
    news = before.version == 0 or _announced(after) != _announced(before)
    written = replace(after, pools=pools, version=before.version + 1 if news else before.version)
    await clusters.save(tx, before, written)
    write_changes(pen, before, written, origin_of(current_trace()))
    if pools[PHONE_UNIT].rung != before.pools[PHONE_UNIT].rung:
        write_stage(pen, pools[PHONE_UNIT], origin_of(current_trace()))
    await journal.append(direct, pen)
    if news:
        tx.publish(
            ClusterChanged(
                cluster=written.name,
                version=written.version,
                product_version=written.product_version,
                nodes=[ClusterNode(node=n.node, mac=n.mac, first=n.first) for n in written.nodes],
                license_manager=written.license_manager,
            )
        )
    return written


def origin_of(trace: Trace) -> Origin:
    """On whose behalf the journal is written."""
    return Origin(trace.caller.replace("\0", "\N{REPLACEMENT CHARACTER}"), trace.door, trace.trace_id)


def _announced(cluster: Cluster) -> tuple[object, ...]:
    return cluster.product_version, cluster.nodes, cluster.license_manager
