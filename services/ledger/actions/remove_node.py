"""A node leaves its cluster and gives its license back."""

from services.ledger.actions.record_change import record_change
from services.ledger.domain.cluster import without_node
from services.ledger.domain.transitions import Limits
from services.ledger.store import clusters
from shared.kit.transaction import Transaction


async def remove_node(tx: Transaction, limits: Limits, cluster: str, node: str) -> None:
    """Nothing happens where there is no such node. Raises NotFound for an unknown cluster, LicenseManagerStopped."""
    before = await clusters.lock(tx, cluster)
    await record_change(tx, limits, before, without_node(before, node))
