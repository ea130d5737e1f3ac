"""A cluster is added, with its starter license, or its product version or its overdraft policy changes."""

from services.ledger.actions.record_change import record_change
from services.ledger.domain.cluster import Cluster, begin, change_version, with_policy
from services.ledger.domain.ladder import Policy
from services.ledger.domain.transitions import Limits
from services.ledger.store import clusters
from shared.kit.transaction import Transaction


async def put_cluster(
    tx: Transaction, limits: Limits, name: str, product_version: str, policy: Policy | None = None, *, starter: bool
) -> tuple[Cluster, bool]:
    """The cluster, and whether it is new. ``starter`` decides about a new one only; no ``policy`` leaves the overdraft's as it is.

    Raises LicenseManagerStopped, MajorLowered.
    """
    empty = await clusters.claim(tx, name, product_version, tx.now)
    known = empty or await clusters.lock(tx, name)
    changed = begin(known, starter=starter) if empty else change_version(known, product_version)
    return await record_change(tx, limits, known, with_policy(changed, policy) if policy else changed), empty is not None
