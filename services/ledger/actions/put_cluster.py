"""A cluster is added, with its starter license, or its product version changes."""

from services.ledger.actions.record_change import record_change
from services.ledger.domain.cluster import Cluster, begin, change_version
from services.ledger.domain.transitions import Limits
from services.ledger.store import clusters
from shared.kit.transaction import Transaction


async def put_cluster(tx: Transaction, limits: Limits, name: str, product_version: str, *, starter: bool) -> tuple[Cluster, bool]:
    """The cluster, and whether it is new. ``starter`` decides about a new one only. Raises MajorLowered."""
    empty = await clusters.claim(tx, name, product_version, tx.now)
    if empty is not None:
        return await record_change(tx, limits, empty, begin(empty, starter=starter)), True
    known = await clusters.lock(tx, name)
    return await record_change(tx, limits, known, change_version(known, product_version)), False
