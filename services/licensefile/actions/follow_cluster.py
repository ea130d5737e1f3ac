"""Learn how a cluster is, from its event or from the answer to a question, and let its files follow.

Only a later version is learnt, so the order in which events and answers come does not matter.
"""

from datetime import timedelta

from services.licensefile import store
from services.licensefile.actions.change_standing import change_standing
from services.licensefile.domain.cluster import Cluster
from services.licensefile.domain.standing import mismatch_of, standing
from shared.kit.transaction import Transaction


async def follow_cluster(tx: Transaction, cluster: Cluster, grace: timedelta) -> Cluster:
    """The newest that is known of the cluster afterwards. The turn is taken."""
    known = await store.find_cluster(tx, cluster.name)
    if known and known.version >= cluster.version:
        return known
    await store.save_cluster(tx, cluster)
    for file in await store.granting_files(tx, cluster.name):
        mismatch = mismatch_of(file.mac, file.lines, cluster)
        await change_standing(tx, file, standing(file.standing, file.expires_on, mismatch, tx.now, grace))
    return cluster
